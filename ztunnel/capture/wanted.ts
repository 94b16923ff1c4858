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
export function localWorkloads(
  state: MeshState,
  { mode, node, namespace, podName, cluster }: ProxyConfig,
): readonly Workload[] {
  if (mode === 'gateway') return [];
  const here = state.workloads.onNode(node).filter((one) => one.cluster === cluster);
  return mode === 'sidecar'
    ? here.filter((one) => one.sidecar && one.namespace === namespace && one.name === podName)
    : here.filter((one) => one.transport === 'hbone' && !one.sidecar);
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
