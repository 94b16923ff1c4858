import type { NetworkAddress, Service } from '@isthmus/mesh/records/service.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Transport, Workload } from '@isthmus/mesh/records/workload.ts';
import { aService, aWorkload } from '../../fakes/records.ts';

/** A small mesh as a proxy of cluster east sees it: own pods, and entries for what is behind west's gateway. */
export const network = 'network-east';
export const vip = (address: string, over: Partial<NetworkAddress> = {}): NetworkAddress => ({
  network,
  address,
  prefix: undefined,
  ...over,
});

export const pod = (name: string, address: string, over: Partial<Workload> = {}): Workload =>
  aWorkload({ uid: `east//Pod/shop/${name}`, name, serviceAccount: name, addresses: [address], ...over });

export const client = pod('front', '10.0.0.1', { locality: { region: 'region-a', zone: 'a1', subzone: '' } });

export const cart: Service = aService({
  name: 'cart',
  addresses: [vip('10.1.0.1')],
  ports: [{ servicePort: 80, targetPort: 8080 }],
  subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/cart-of-all'],
});

/** Membership of a service on its one port; 0 leaves the port to the service. */
export const backs = (service: Service, targetPort = 0): Pick<Workload, 'services'> => ({
  services: new Map([[service.key, [{ servicePort: service.ports[0]?.servicePort ?? 80, targetPort }]]]),
});

export const gatewayAddress = '20.0.0.1';
export const westGateway = aWorkload({
  uid: `NetworkGateway/network-west/${gatewayAddress}/15008`,
  name: 'eastwest-gateway',
  namespace: 'istio-system',
  serviceAccount: 'eastwest-gateway',
  network: 'network-west',
  cluster: 'west',
  addresses: [gatewayAddress],
});

/** What stands for a service behind west's gateway. */
export const entry = (service: Service, transport: Transport, over: Partial<Workload> = {}): Workload =>
  aWorkload({
    uid: `network-west/SplitHorizonWorkload/${service.key}/${transport}`,
    network: 'network-west',
    cluster: 'west',
    node: '',
    transport,
    passthroughPort: 15443,
    locality: { region: 'region-b', zone: 'b1', subzone: '' },
    networkGateway: {
      kind: 'address',
      network: 'network-west',
      address: gatewayAddress,
      hbonePort: 15008,
    },
    subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/cart-of-west'],
    ...backs(service),
    ...over,
  });

export const stateOf = (workloads: readonly Workload[], services: readonly Service[] = [cart]): MeshState => {
  const state = new MeshState();
  state.applyAddresses(
    [
      ...services.map((service) => ({ kind: 'service' as const, service })),
      ...workloads.map((workload) => ({ kind: 'workload' as const, workload })),
    ],
    [],
  );
  return state;
};
