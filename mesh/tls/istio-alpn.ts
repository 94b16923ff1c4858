/**
 * The ALPN protocols that only Istio's mTLS offers: TCP, TCP with the exchange of metadata, and HTTP. A client of
 * anything else (a browser, an application with TLS of its own) offers none of them, so they tell mTLS of the mesh
 * from TLS that is the application's affair.
 */
const istioProtocols: ReadonlySet<string> = new Set([
  'istio',
  'istio-peer-exchange',
  'istio-http/1.0',
  'istio-http/1.1',
  'istio-h2',
]);

/** One rule for a gateway, which forwards by it, and for a destination, which terminates by it. */
export const offersIstioMtls = (alpn: readonly string[]): boolean =>
  alpn.some((protocol) => istioProtocols.has(protocol));
