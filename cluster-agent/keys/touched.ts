import {
  parseServiceKey as parseKey,
  type ServiceKey as FederatedServiceKey,
} from '@isthmus/api/domain/names.ts';
import { downTypes, type DownType } from '@isthmus/api/wire/link.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import {
  parseClientId,
  parsePodKey,
  parsePolicyKey,
  parseServiceKey,
  parseWorkloadUid,
  type ClientId,
  type PodKey,
  type PolicyKey,
  type ServiceKey,
  type WorkloadUid,
} from './names.ts';

/** What a change reaches: the key of something stored, or of an answer that is another one now. */
export type Touched =
  // What objects say.
  | { readonly kind: 'pod'; readonly pod: PodKey }
  | { readonly kind: 'node'; readonly node: string }
  | { readonly kind: 'namespace'; readonly namespace: string }
  | { readonly kind: 'service'; readonly service: ServiceKey }
  /** `<namespace>/<name>` */
  | { readonly kind: 'slice'; readonly slice: string }
  | { readonly kind: 'authorization'; readonly policy: PolicyKey }
  /** The PeerAuthentications of a namespace. */
  | { readonly kind: 'peers'; readonly namespace: string }
  /** Whether a ServiceExport asks for the export of a service. */
  | { readonly kind: 'serviceExport'; readonly service: ServiceKey }
  /** A WorkloadEntry, `<namespace>/<name>`. */
  | { readonly kind: 'workloadEntry'; readonly entry: string }
  /** A ServiceEntry, `<namespace>/<name>`. */
  | { readonly kind: 'serviceEntry'; readonly entry: string }
  /** A Gateway of the Gateway API, `<namespace>/<name>`. */
  | { readonly kind: 'gatewayObject'; readonly gateway: string }
  | { readonly kind: 'gatewayClass'; readonly name: string }
  // What indexes say, only when the answer is another one.
  /** Without a pod: the endpoints of the service that are no pods. */
  | { readonly kind: 'members'; readonly service: ServiceKey; readonly pod: PodKey | undefined }
  /** Which ServiceEntry says what serves a host. */
  | { readonly kind: 'entryHost'; readonly service: ServiceKey }
  /** The ztunnels of a node. */
  | { readonly kind: 'nodeProxies'; readonly node: string }
  /** Whether a pod is a gateway. */
  | { readonly kind: 'gateway'; readonly pod: PodKey }
  | { readonly kind: 'network' }
  /** Where the cluster's clients are: the first node. */
  | { readonly kind: 'clientPlace' }
  /** The addresses that a service has for all proxies alike. */
  | { readonly kind: 'addresses'; readonly service: ServiceKey }
  | { readonly kind: 'podCount' }
  | { readonly kind: 'rejections' }
  /** What is said of what an origin of objects has: a file, or an object of the API by its id. */
  | { readonly kind: 'rejected'; readonly origin: string }
  | { readonly kind: 'synced' }
  // What the hub says.
  | { readonly kind: 'hub'; readonly type: DownType; readonly name: string }
  /** What other clusters have of a service. */
  | { readonly kind: 'remotes'; readonly service: ServiceKey }
  | { readonly kind: 'networkGateway'; readonly uid: WorkloadUid }
  // What proxies, the CA, the runtime and time say.
  | { readonly kind: 'stream'; readonly client: ClientId }
  | {
      readonly kind: 'acknowledged';
      readonly client: ClientId;
      readonly type: string;
      readonly name: string;
    }
  /** The last certificate of an identity (a SPIFFE ID) at a proxy. */
  | { readonly kind: 'certificate'; readonly proxyUid: string; readonly identity: string }
  /** Whether a pod is Istio's own ztunnel. */
  | { readonly kind: 'upstream'; readonly pod: PodKey }
  /** Whether proxies can bind a port. */
  | { readonly kind: 'port'; readonly port: number }
  /** The virtual addresses of services at a proxy. */
  | { readonly kind: 'vips'; readonly client: PodKey }
  /** The id of a traffic shift whose deadline is over. */
  | { readonly kind: 'deadline'; readonly trafficShift: string }
  | { readonly kind: 'sourceConditions' }
  // What derivations say: their output under this key is another one.
  | { readonly kind: 'part'; readonly pod: PodKey }
  | { readonly kind: 'sidecars' }
  | { readonly kind: 'verdict'; readonly pod: PodKey }
  /** Of its verdict: whether it is healthy, and which proxy has proven that it serves it. */
  | { readonly kind: 'serving'; readonly pod: PodKey }
  /** What PeerAuthentications of a namespace demand; of the root namespace, also of those that have none. */
  | { readonly kind: 'demands'; readonly namespace: string }
  | { readonly kind: 'policies'; readonly pod: PodKey }
  /** The services that a pod serves, with their ports. */
  | { readonly kind: 'endpoint'; readonly pod: PodKey }
  | { readonly kind: 'groups'; readonly service: ServiceKey }
  /** The endpoint counts that health reports have of a service. */
  | { readonly kind: 'health'; readonly service: FederatedServiceKey }
  | { readonly kind: 'distribution'; readonly service: ServiceKey }
  /** Whether the cluster's own clients leave the local endpoints of a service alone. */
  | { readonly kind: 'withdrawal'; readonly service: ServiceKey }
  | { readonly kind: 'resource'; readonly type: string; readonly name: string };

export type TouchedKind = Touched['kind'];
export type TouchedOf<Kind extends TouchedKind> = Extract<Touched, { readonly kind: Kind }>;

/** How one part of a key is written as text and read from it. */
interface Part<T> {
  readonly write: (value: T) => string;
  readonly read: (text: string) => Result<T, string>;
}

const same = (value: string): string => value;
const text: Part<string> = { write: same, read: ok };
const pod: Part<PodKey> = { write: same, read: parsePodKey };
const service: Part<ServiceKey> = { write: same, read: parseServiceKey };
const client: Part<ClientId> = { write: same, read: parseClientId };
const optionalPod: Part<PodKey | undefined> = {
  write: (value) => value ?? '',
  read: (written) => (written === '' ? ok(undefined) : parsePodKey(written)),
};
const downType: Part<DownType> = {
  write: same,
  read(written) {
    const known = downTypes.find((type) => type === written);
    return known === undefined ? err(`${JSON.stringify(written)} is not a type of the hub’s`) : ok(known);
  },
};
const port: Part<number> = {
  write: String,
  read: (written) =>
    /^\d{1,5}$/.test(written) && String(Number(written)) === written && Number(written) < 65_536
      ? ok(Number(written))
      : err(`${JSON.stringify(written)} is not a port`),
};

const federatedService: Part<FederatedServiceKey> = {
  write: same,
  read(written) {
    const key = parseKey(written);
    return key === undefined ? err(`${JSON.stringify(written)} is not <namespace>/<name>`) : ok(key);
  },
};

type PartsOf<Kind extends TouchedKind> = {
  readonly [Field in Exclude<keyof TouchedOf<Kind>, 'kind'>]: Part<TouchedOf<Kind>[Field]>;
};

/** The parts of each kind, in the order in which they are written. */
const partsOfKinds: { readonly [Kind in TouchedKind]: PartsOf<Kind> } = {
  pod: { pod },
  node: { node: text },
  namespace: { namespace: text },
  service: { service },
  slice: { slice: text },
  authorization: { policy: { write: same, read: parsePolicyKey } },
  peers: { namespace: text },
  serviceExport: { service },
  workloadEntry: { entry: text },
  serviceEntry: { entry: text },
  gatewayObject: { gateway: text },
  gatewayClass: { name: text },
  members: { service, pod: optionalPod },
  entryHost: { service },
  nodeProxies: { node: text },
  gateway: { pod },
  network: {},
  clientPlace: {},
  addresses: { service },
  podCount: {},
  rejections: {},
  rejected: { origin: text },
  synced: {},
  hub: { type: downType, name: text },
  remotes: { service },
  networkGateway: { uid: { write: same, read: parseWorkloadUid } },
  stream: { client },
  acknowledged: { client, type: text, name: text },
  certificate: { proxyUid: text, identity: text },
  upstream: { pod },
  port: { port },
  vips: { client: pod },
  deadline: { trafficShift: text },
  sourceConditions: {},
  part: { pod },
  sidecars: {},
  verdict: { pod },
  serving: { pod },
  demands: { namespace: text },
  policies: { pod },
  endpoint: { pod },
  groups: { service },
  health: { service: federatedService },
  distribution: { service },
  withdrawal: { service },
  resource: { type: text, name: text },
};

type AnyPart = readonly [field: string, part: Part<unknown>];

const parts: ReadonlyMap<string, readonly AnyPart[]> = new Map(
  Object.entries(partsOfKinds).map(([kind, of]) => [kind, Object.entries(of) as readonly AnyPart[]]),
);

/** `<kind> <part> <part>`: equal for equal keys only, so that it can be the index of a map. */
export function formatTouched(key: Touched): string {
  const values: Readonly<Record<string, unknown>> = key;
  let written: string = key.kind;
  for (const [field, part] of parts.get(key.kind) ?? []) written += ` ${escaped(part.write(values[field]))}`;
  return written;
}

/** Reads what `formatTouched` writes; the error says which part cannot be read. */
export function parseTouched(written: string): Result<Touched, string> {
  const [kind = '', ...texts] = written.split(' ');
  const known = parts.get(kind);
  if (!known) return err(`${JSON.stringify(kind)} is not a kind of key`);
  if (texts.length !== known.length)
    return err(`a key of kind ${kind} has ${known.length} parts, not ${texts.length}`);
  const key: Record<string, unknown> = { kind };
  for (const [i, [field, part]] of known.entries()) {
    const plain = unescaped(texts[i] ?? '');
    const value = plain === undefined ? err('it is not escaped as it has to be') : part.read(plain);
    if (!value.ok) return err(`${field}: ${value.error}`);
    key[field] = value.value;
  }
  return ok(key as Touched);
}

/** By `encodeURIComponent`, and `%u` with four digits for half of a surrogate pair, which that function throws at. */
const escaped = (plain: string): string =>
  plain.isWellFormed()
    ? encodeURIComponent(plain)
    : Array.from(plain, (one) =>
        one.isWellFormed() ? encodeURIComponent(one) : `%u${one.charCodeAt(0).toString(16)}`,
      ).join('');

function unescaped(written: string): string | undefined {
  try {
    const plain = written
      .split(/%u(d[89a-f][0-9a-f]{2})/)
      .map((one, i) => (i % 2 === 0 ? decodeURIComponent(one) : String.fromCharCode(parseInt(one, 16))))
      .join('');
    return escaped(plain) === written ? plain : undefined;
  } catch {
    return undefined;
  }
}
