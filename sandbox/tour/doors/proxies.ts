import type { Sandbox } from '../../up.ts';
import { gatewayAddresses, podAddress } from '../addresses.ts';
import type { Door } from './door.ts';

/** The address of a pod from which a knock comes. */
export type From = readonly [cluster: string, pod: string];

export const ztunnelDoor = (sandbox: Sandbox, from: From = ['east', 'frontend']): Door => ({
  host: podAddress(sandbox, 'east', 'catalogue-1'),
  port: 15_008,
  alpn: 'h2',
  localAddress: podAddress(sandbox, ...from),
});

export const gatewayDoor = (sandbox: Sandbox, cluster: string, from: From = ['east', 'frontend']): Door => ({
  host: gatewayAddresses(sandbox)[cluster] ?? '',
  port: 15_008,
  alpn: 'h2',
  localAddress: podAddress(sandbox, ...from),
});

export const sidecarDoor = (sandbox: Sandbox, from: From = ['west', 'catalogue-1']): Door => ({
  host: podAddress(sandbox, 'west', 'cart'),
  port: 8082,
  alpn: 'istio',
  servername: 'outbound_.8082_._.cart.shop.svc.cluster.local',
  localAddress: podAddress(sandbox, ...from),
});
