import { draw } from '../balance/weighted-set.ts';
import { familyOf, type AddressFamily } from '../net/address.ts';
import type { Random } from '../process/random.ts';
import type { Service } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';
import type { MeshState } from '../state/mesh-state.ts';
import { ofClusterset } from './clusterset.ts';
import { coveringNames, isOfCluster, meantNames } from './dns-names.ts';

export interface NameQuestion {
  /** In lower case, without a dot at the end. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'OTHER';
  /** Who asks; undefined when nothing is known of it, which is refused. */
  readonly client: Workload | undefined;
  /** The search domains of the client's resolver. */
  readonly search: readonly string[];
  /** Of services of one host name those of this namespace, where the client's has none and Kubernetes has none. */
  readonly preferredNamespace: string;
}

export type NameDecision =
  /** Of no service that the client can see, or no address at all: its own resolvers are asked. */
  | { readonly kind: 'forward' }
  /** A service has the name, and none of its addresses is of that kind. */
  | { readonly kind: 'negative'; readonly service: Service }
  | {
      readonly kind: 'answer';
      readonly service: Service;
      /** The name of which the addresses are, where the resolver of the client had appended a search domain to it. */
      readonly canonical: string | undefined;
      /** In random order, so that clients which take the first spread. */
      readonly addresses: readonly string[];
    }
  | { readonly kind: 'refuse'; readonly code: 'UNKNOWN_SOURCE'; readonly message: string };

/** Endpoints of a headless service that are looked at for one answer: as many addresses as a message may hold. */
export const maxEndpoints = 2000;

/**
 * What a client means by a name, as Istio's ztunnel decides it (dns/server.rs): the addresses of a service in the
 * client's own network, or those of the endpoints of a headless one. Beside upstream's names a service of the clusterset
 * has its name there. What is asked costs the labels of the name, and not the number of services.
 */
export function decideName(state: MeshState, question: NameQuestion, random: Random): NameDecision {
  const { client, type } = question;
  if (!client)
    return { kind: 'refuse', code: 'UNKNOWN_SOURCE', message: 'the client is not a known workload' };
  if (type === 'OTHER') return { kind: 'forward' };
  const found = findService(state, question, client);
  if (!found) return { kind: 'forward' };
  const { service, canonical } = found;
  const family = type === 'A' ? 'ipv4' : 'ipv6';
  const addresses = hasFamily(service, family) ? addressesOf(state, service, client, family, random) : [];
  return addresses.length > 0
    ? { kind: 'answer', service, canonical, addresses }
    : { kind: 'negative', service };
}

interface FoundService {
  readonly service: Service;
  readonly canonical: string | undefined;
}

function findService(
  { services }: MeshState,
  { name: asked, search, preferredNamespace }: NameQuestion,
  { namespace }: Workload,
): FoundService | undefined {
  const wanted = { namespace, preferredNamespace, isMeant: isAnswerable };
  for (const { name, stripped } of meantNames(asked, namespace, search)) {
    const [exact, ...wildcards] = coveringNames(name);
    const named = services.best(exact, wanted) ?? ofClusterset(services, name);
    if (named) return { service: named, canonical: stripped };
    for (const wildcard of wildcards) {
      const service = services.best(wildcard, wanted);
      // What a wildcard covers has no name of its own to point to.
      if (service) return { service, canonical: undefined };
    }
  }
  return undefined;
}

/** Without an address only a service of the cluster is a headless one; any other name has addresses elsewhere. */
const isAnswerable = (service: Service): boolean =>
  virtualAddresses(service).length > 0 || isOfCluster(service.hostname);

/** A headless service of one family has endpoints that may have both. */
const hasFamily = ({ ipFamilies }: Service, family: AddressFamily): boolean =>
  ipFamilies !== (family === 'ipv4' ? 'IPV6_ONLY' : 'IPV4_ONLY');

/** A block is no address to call. */
const virtualAddresses = ({ addresses }: Service): Service['addresses'] =>
  addresses.filter(({ prefix }) => prefix === undefined);

function addressesOf(
  state: MeshState,
  service: Service,
  { network }: Workload,
  family: AddressFamily,
  random: Random,
): readonly string[] {
  const virtual = virtualAddresses(service);
  if (virtual.length === 0) return endpointAddresses(state, service, family, random);
  const callable = virtual.filter((one) => one.network === network && familyOf(one.address) === family);
  return shuffled(
    callable.map(({ address }) => address),
    random,
  );
}

/** One of each endpoint. Entries that stand for other clusters have none. */
function endpointAddresses(
  state: MeshState,
  service: Service,
  family: AddressFamily,
  random: Random,
): readonly string[] {
  const found: string[] = [];
  const sets = state.endpoints.ranks(service, undefined);
  draw(sets, random, maxEndpoints, ({ addresses }) => {
    const address = addresses.find((one) => familyOf(one) === family);
    if (address !== undefined) found.push(address);
    return true;
  });
  return found;
}

/** Fisher and Yates. */
function shuffled(items: readonly string[], random: Random): readonly string[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const at = Math.min(Math.floor(random.fraction() * (last + 1)), last);
    [order[last], order[at]] = [order[at] ?? '', order[last] ?? ''];
  }
  return order;
}
