/** HBONE: mTLS and HTTP/2 CONNECT. */
export const hbonePort = 15008;

/** Questions of pods for names. */
export const dnsPort = 15053;

/** Ports of the proxies themselves (outbound and inbound capture, HBONE, DNS, SOCKS5): to be sent there is a loop. */
export const proxyPorts: ReadonlySet<number> = new Set([15001, 15006, hbonePort, dnsPort, 15080]);
