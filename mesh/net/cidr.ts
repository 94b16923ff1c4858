import ipaddr from 'ipaddr.js';

/** Canonical text of an IP address, or undefined when the text is none. IPv4 inside IPv6 is told as IPv4. */
export function canonicalAddress(text: string): string | undefined {
  if (!ipaddr.isValid(text) || (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text))) return undefined;
  return ipaddr.process(text).toString();
}

/** Whether an address lies in a block; false when either cannot be read or they are of two families. */
export function inBlock(address: string, block: { readonly address: string; readonly prefix: number }): boolean {
  if (!ipaddr.isValid(address) || !ipaddr.isValid(block.address)) return false;
  const [one, base] = [ipaddr.process(address), ipaddr.process(block.address)];
  return one.kind() === base.kind() && one.match(base as never, block.prefix);
}

/** True for the addresses that never leave this machine. */
export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';
