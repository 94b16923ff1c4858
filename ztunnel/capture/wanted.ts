import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Workload } from '@isthmus/mesh/state/workload.ts';
import type { ProxyConfig } from '../configuration.ts';

/** What arrives at a listener, and for whom. */
export type Role =
  | { readonly kind: 'vip' }
  | { readonly kind: 'socks' }
  | { readonly kind: 'hbone'; readonly uid: string }
  | { readonly kind: 'port'; readonly uid: string }
  | { readonly kind: 'gateway-hbone' }
  | { readonly kind: 'gateway-sni' };

export interface Wanted {
  readonly address: string;
  readonly port: number;
  readonly role: Role;
}

/** The pods that this proxy serves: those of its node without a sidecar, or the one whose sidecar it is. */
export const localWorkloads = (state: MeshState, config: ProxyConfig): readonly Workload[] =>
  state.workloads.onNode(config.node).filter((one) => isLocal(one, config));

/** The pod that bears an address, if this proxy serves it. */
export function localWorkloadAt(
  state: MeshState,
  config: ProxyConfig,
  address: string,
): Workload | undefined {
  const found = state.workloads.atAddress(config.network, address);
  return found && isLocal(found, config) ? found : undefined;
}

function isLocal(one: Workload, { mode, node, namespace, podName, cluster }: ProxyConfig): boolean {
  if (mode === 'gateway' || one.node !== node || one.cluster !== cluster) return false;
  return mode === 'sidecar'
    ? one.sidecar && one.namespace === namespace && one.name === podName
    : one.transport === 'hbone' && !one.sidecar;
}

/** The listeners that a state asks for in loopback capture, by `address:port`. */
export function wantedListeners(state: MeshState, config: ProxyConfig): ReadonlyMap<string, Wanted> {
  const wanted =
    config.mode === 'gateway'
      ? gatewayListeners(config)
      : [...podListeners(state, config), ...vipListeners(state, config)];
  return new Map(wanted.map((one) => [`${one.address}:${one.port}`, one]));
}

const gatewayListeners = ({ address }: ProxyConfig): readonly Wanted[] => [
  { address, port: 15008, role: { kind: 'gateway-hbone' } },
  { address, port: 15443, role: { kind: 'gateway-sni' } },
];

function podListeners(state: MeshState, config: ProxyConfig): readonly Wanted[] {
  return localWorkloads(state, config).flatMap(
    ({ addresses: [address = ''], uid, transport, capturedPorts }) => [
      // A classic sidecar has no HBONE.
      ...(transport === 'hbone' ? [{ address, port: 15008, role: { kind: 'hbone' as const, uid } }] : []),
      ...capturedPorts.map((port) => ({ address, port, role: { kind: 'port' as const, uid } })),
      { address, port: 15080, role: { kind: 'socks' as const } },
    ],
  );
}

function vipListeners(state: MeshState, { network }: ProxyConfig): readonly Wanted[] {
  return [...state.services.all()].flatMap(({ addresses, ports }) =>
    addresses
      .filter((one) => one.network === network && one.prefix === undefined)
      .flatMap(({ address }) =>
        ports.map(({ servicePort }) => ({ address, port: servicePort, role: { kind: 'vip' as const } })),
      ),
  );
}
