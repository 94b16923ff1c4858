import { canonicalAddress } from '@isthmus/mesh/net/address.ts';
import type { AddressPort } from '@isthmus/mesh/net/address.ts';

/** Who is asked for names that are not of the mesh: what a resolv.conf says (resolv.conf(5)). */
export interface ResolverConfig {
  /** In the order in which they are asked; at most three. */
  readonly nameservers: readonly AddressPort[];
  /** Without dots at their ends, in lower case; at most 32. */
  readonly search: readonly string[];
}

const max = { nameservers: 3, search: 32 };
const dnsPort = 53;

/** Reads the text of a resolv.conf. What means nothing is skipped, as resolvers do; of several search lists the last counts. */
export function readResolvConf(text: string): ResolverConfig {
  const nameservers: AddressPort[] = [];
  let search: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver') {
      const address = canonicalAddress(values[0] ?? '');
      if (address !== undefined) nameservers.push({ address, port: dnsPort });
    } else if (keyword === 'search' || keyword === 'domain')
      search = values.map((one) => one.toLowerCase().replace(/\.$/, '')).filter((one) => one !== '');
  }
  return { nameservers: nameservers.slice(0, max.nameservers), search: search.slice(0, max.search) };
}
