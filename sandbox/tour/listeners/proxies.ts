import type { Sandbox } from '../../up.ts';
import { gatewayAddresses, podAddress } from '../addresses.ts';
import type { Listener } from './listener.ts';

/** The pod whose address the connection comes from. */
export type From = readonly [cluster: string, pod: string];

export const ztunnelListener = (sandbox: Sandbox, from: From = ['east', 'frontend']): Listener => ({
  host: podAddress(sandbox, 'east', 'catalogue-1'),
  port: 15_008,
  alpn: 'h2',
  localAddress: podAddress(sandbox, ...from),
});

export const gatewayListener = (
  sandbox: Sandbox,
  cluster: string,
  from: From = ['east', 'frontend'],
): Listener => ({
  host: gatewayAddresses(sandbox)[cluster] ?? '',
  port: 15_008,
  alpn: 'h2',
  localAddress: podAddress(sandbox, ...from),
});

export const sidecarListener = (sandbox: Sandbox, from: From = ['west', 'catalogue-1']): Listener => ({
  host: podAddress(sandbox, 'west', 'cart'),
  port: 8082,
  alpn: 'istio',
  servername: 'outbound_.8082_._.cart.shop.svc.cluster.local',
  localAddress: podAddress(sandbox, ...from),
});
