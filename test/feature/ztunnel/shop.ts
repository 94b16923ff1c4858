import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Certify, ProxyMesh } from '../../fakes/proxy-mesh.ts';
import { aService, aWorkload } from '../../fakes/records.ts';

export const port = 8080;
export const hostname = 'cart.shop.svc.cluster.local';
export const identityOf = (account: string, namespace = 'shop') =>
  `spiffe://cluster.local/ns/${namespace}/sa/${account}`;

/** Two clusters in two networks: callers in east, a cart in each, a gateway in west. */
export function shopIn(mesh: ProxyMesh) {
  const pod = (cluster: string, name: string, address: string, over: Partial<Workload> = {}): Workload =>
    aWorkload({
      uid: `${cluster}//Pod/shop/${name}`,
      name,
      workloadName: name,
      serviceAccount: name,
      addresses: [mesh.at(address)],
      cluster,
      network: `network-${cluster}`,
      node: 'node-1',
      ...over,
    });
  const serving = (service: Service, appAddress: string): Partial<Workload> => ({
    appAddress: mesh.at(appAddress),
    capturedPorts: [port],
    services: new Map([[service.key, [{ servicePort: port, targetPort: port }]]]),
  });
  const cart: Service = aService({
    name: 'cart',
    addresses: [{ network: 'network-east', address: mesh.at('20.1'), prefix: undefined }],
    ports: [{ servicePort: port, targetPort: port }],
  });
  const gateway = aWorkload({
    uid: 'NetworkGateway/network-west/gateway/15008',
    name: 'eastwest-gateway',
    namespace: 'istio-system',
    serviceAccount: 'eastwest-gateway',
    addresses: [mesh.at('33.250')],
    cluster: 'west',
    network: 'network-west',
    node: '',
  });
  /** What stands in east for the cart behind west's gateway. */
  const entry = (transport: Workload['transport'], over: Partial<Workload> = {}): Workload =>
    aWorkload({
      uid: `network-west/SplitHorizonWorkload/${cart.key}/${transport}`,
      name: 'cart-west',
      workloadName: 'cart',
      cluster: 'west',
      network: 'network-west',
      node: '',
      transport,
      classicClients: true,
      networkGateway: {
        kind: 'address',
        network: 'network-west',
        address: mesh.at('33.250'),
        hbonePort: 15008,
      },
      services: new Map([[cart.key, [{ servicePort: port, targetPort: port }]]]),
      subjectAltNames: [identityOf('cart')],
      passthroughPort: 15443,
      ...over,
    });
  const classic = { transport: 'istio-mtls', sidecar: true } as const;
  const granted: Service = { ...cart, addresses: [], exported: true, grantedClusters: ['east'] };
  return { pod, serving, cart, granted, gateway, entry, classic };
}

export type Shop = ReturnType<typeof shopIn>;

/** What west's proxies get: the cart, exported to east, and the pods behind it. */
const westOf = ({ granted }: Shop, workloads: readonly Workload[]) => ({ workloads, services: [granted] });

const sidecarConfig = (cluster: string, pod: string) =>
  ({ mode: 'sidecar', cluster, podName: pod, namespace: 'shop', serviceAccount: pod }) as const;

interface TwoNetworks {
  /** How each end is served; ambient unless it says otherwise. */
  readonly client?: 'ambient' | 'sidecar';
  readonly server?: 'ambient' | 'sidecar';
  /** Ambient pods that classic sidecars call. */
  readonly classicClients?: boolean;
  readonly certify?: { readonly [end in 'client' | 'gateway' | 'server']?: Certify };
  /** Further workloads, for east's proxy and for west's. */
  readonly east?: readonly Workload[];
  readonly west?: readonly Workload[];
  readonly gatewayTap?: boolean;
}

/** A caller in east, and a cart in west behind west's gateway: each with its proxy. */
export async function twoNetworks(mesh: ProxyMesh, options: TwoNetworks = {}) {
  const shop = shopIn(mesh);
  const { client = 'ambient', server = 'ambient', certify = {}, east = [], west = [] } = options;
  const over = (mode: 'ambient' | 'sidecar') =>
    mode === 'sidecar' ? shop.classic : { classicClients: options.classicClients ?? false };
  const front = shop.pod('east', 'front', '17.1', over(client));
  const cart = shop.pod('west', 'cart', '33.1', { ...shop.serving(shop.granted, '34.1'), ...over(server) });
  const transport = server === 'sidecar' || client === 'sidecar' ? 'istio-mtls' : 'hbone';
  const entry = shop.entry(transport, {
    classicClients: options.classicClients ?? false,
    transport: server === 'sidecar' ? 'istio-mtls' : 'hbone',
  });
  const source = await mesh.proxy(
    client === 'sidecar' ? sidecarConfig('east', 'front') : { cluster: 'east' },
    { services: [shop.cart], workloads: [front, entry, shop.gateway, ...east] },
    {},
    certify.client,
  );
  const pushed = westOf(shop, [cart, ...west]);
  const gateway = await mesh.proxy(
    {
      mode: 'gateway',
      cluster: 'west',
      address: mesh.at('33.250'),
      podName: 'eastwest-gateway',
      serviceAccount: 'eastwest-gateway',
      tap: options.gatewayTap ? '-' : '',
    },
    pushed,
    {},
    certify.gateway,
  );
  const destination = await mesh.proxy(
    server === 'sidecar' ? sidecarConfig('west', 'cart') : { cluster: 'west' },
    pushed,
    {},
    certify.server,
  );
  const call = () => mesh.call(mesh.at('17.1'), mesh.at('20.1'), port);
  return { shop, front, cart, entry, source, gateway, destination, call };
}
