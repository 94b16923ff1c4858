import { dnsPort } from '@isthmus/mesh/decide/proxy-ports.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { Service, ServiceKey } from '@isthmus/mesh/records/service.ts';
import type { Touched } from '@isthmus/mesh/state/touched.ts';
import type { Workload, WorkloadUid } from '@isthmus/mesh/records/workload.ts';
import type { ProxyConfig } from '../../configuration.ts';
import { localWorkloads } from '../local-workload.ts';

/** What arrives at a listener, and for whom. */
export type Role =
  | { readonly kind: 'vip' }
  | { readonly kind: 'socks' }
  | { readonly kind: 'dns' }
  | { readonly kind: 'hbone'; readonly uid: WorkloadUid }
  | { readonly kind: 'port'; readonly uid: WorkloadUid }
  | { readonly kind: 'gateway-hbone' }
  | { readonly kind: 'gateway-sni' };

export interface Wanted extends AddressPort {
  readonly role: Role;
}

/** By `address:port`; undefined: nothing listens there any more. */
export type PlanChange = ReadonlyMap<string, Wanted | undefined>;

/**
 * The listeners that a state asks for in loopback capture, by what asks for them: a change computes again what it touched.
 * Where two ask for one place the VIP has it, and of pods the one whose uid comes last.
 */
export class Plan {
  readonly #state: MeshState;
  readonly #config: ProxyConfig;
  readonly #pods = new Map<WorkloadUid, readonly Wanted[]>();
  readonly #services = new Map<ServiceKey, readonly Wanted[]>();
  readonly #claims = new Map<string, Set<Wanted>>();

  constructor(state: MeshState, config: ProxyConfig) {
    this.#state = state;
    this.#config = config;
  }

  /** All of it, for the first time. */
  first(): PlanChange {
    if (this.#config.mode === 'gateway')
      return new Map(gatewayListeners(this.#config).map((one) => [placeOf(one), one]));
    const keys = new Set([...this.#state.services.all()].map(({ key }) => key));
    return this.#compute(true, keys);
  }

  follow({ nodes, virtual }: Touched): PlanChange {
    if (this.#config.mode === 'gateway') return new Map();
    return this.#compute(nodes.has(this.#config.node), virtual);
  }

  #compute(pods: boolean, services: ReadonlySet<ServiceKey>): PlanChange {
    const places = new Set<string>();
    if (pods) {
      const local = new Map(localWorkloads(this.#state, this.#config).map((one) => [one.uid, one]));
      for (const uid of new Set([...this.#pods.keys(), ...local.keys()])) {
        const workload = local.get(uid);
        this.#claim(this.#pods, uid, workload ? podListeners(workload) : [], places);
      }
    }
    for (const key of services) {
      const service = this.#state.services.get(key);
      const wanted = service ? vipListeners(service, this.#config.network) : [];
      this.#claim(this.#services, key, wanted, places);
    }
    return new Map([...places].map((place) => [place, winner(this.#claims.get(place))]));
  }

  #claim<K>(
    owners: Map<K, readonly Wanted[]>,
    owner: K,
    wanted: readonly Wanted[],
    places: Set<string>,
  ): void {
    for (const one of owners.get(owner) ?? []) {
      const claims = this.#claims.get(placeOf(one));
      if (claims?.delete(one) && claims.size === 0) this.#claims.delete(placeOf(one));
      places.add(placeOf(one));
    }
    for (const one of wanted) {
      const claims = this.#claims.get(placeOf(one)) ?? new Set();
      this.#claims.set(placeOf(one), claims.add(one));
      places.add(placeOf(one));
    }
    if (wanted.length > 0) owners.set(owner, wanted);
    else owners.delete(owner);
  }
}

const placeOf = ({ address, port }: AddressPort): string => `${address}:${port}`;

function winner(claims: Iterable<Wanted> | undefined): Wanted | undefined {
  let best: Wanted | undefined;
  for (const one of claims ?? []) if (!best || orderOf(one) > orderOf(best)) best = one;
  return best;
}

const orderOf = ({ role }: Wanted): string =>
  role.kind === 'vip' ? '2' : `1 ${'uid' in role ? role.uid : ''}`;

const gatewayListeners = ({ address }: ProxyConfig): readonly Wanted[] => [
  { address, port: 15008, role: { kind: 'gateway-hbone' } },
  { address, port: 15443, role: { kind: 'gateway-sni' } },
];

function podListeners({ addresses, uid, transport, capturedPorts }: Workload): readonly Wanted[] {
  const [address = ''] = addresses;
  return [
    // A classic sidecar has no HBONE.
    ...(transport === 'hbone' ? [{ address, port: 15008, role: { kind: 'hbone' as const, uid } }] : []),
    ...capturedPorts.map((port) => ({ address, port, role: { kind: 'port' as const, uid } })),
    { address, port: 15080, role: { kind: 'socks' as const } },
    { address, port: dnsPort, role: { kind: 'dns' as const } },
  ];
}

const vipListeners = ({ addresses, ports }: Service, network: string): readonly Wanted[] =>
  addresses
    .filter((one) => one.network === network && one.prefix === undefined)
    .flatMap(({ address }) =>
      ports.map(({ servicePort }) => ({ address, port: servicePort, role: { kind: 'vip' as const } })),
    );
