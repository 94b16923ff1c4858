/** One way of a call through the mesh: which proxies carry it, and who they must say it was between. */
export interface Path {
  readonly name: string;
  /** Proxies at each end, any of which may have carried it. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** Service accounts in the namespace `shop`; the destination's is its service's name too. */
  readonly source: string;
  readonly destination: string;
  /** Cluster of the destination. */
  readonly cluster: string;
  /** Port of that cluster's gateway; undefined: inside a network. */
  readonly gatewayPort?: 15_008 | 15_443;
}

const east = ['east-ztunnel-east-a', 'east-ztunnel-east-b'];
const westCatalogue = ['west-catalogue-1-sidecar', 'west-catalogue-2-sidecar'];
const westCart = ['west-cart-sidecar'];
const south = ['south-ztunnel-south-a'];

/** Every way from one mode to another that the first mesh has, inside a network and across. */
export const paths: readonly Path[] = [
  {
    name: 'inside, ambient to ambient',
    from: east,
    to: east,
    source: 'frontend',
    destination: 'catalogue',
    cluster: 'east',
  },
  {
    name: 'across, ambient to ambient',
    from: east,
    to: south,
    source: 'frontend',
    destination: 'cart',
    cluster: 'south',
    gatewayPort: 15_008,
  },
  {
    name: 'across, ambient to sidecar',
    from: east,
    to: westCart,
    source: 'frontend',
    destination: 'cart',
    cluster: 'west',
    gatewayPort: 15_443,
  },
  {
    name: 'across, sidecar to ambient',
    from: westCart,
    to: east,
    source: 'cart',
    destination: 'catalogue',
    cluster: 'east',
    gatewayPort: 15_443,
  },
  {
    name: 'inside, sidecar to sidecar',
    from: westCart,
    to: westCatalogue,
    source: 'cart',
    destination: 'catalogue',
    cluster: 'west',
  },
  {
    name: 'across, ambient to sidecar, another service',
    from: east,
    to: westCatalogue,
    source: 'frontend',
    destination: 'catalogue',
    cluster: 'west',
    gatewayPort: 15_443,
  },
  {
    name: 'inside, ambient to sidecar, server first',
    from: south,
    to: ['south-store-sidecar'],
    source: 'orders',
    destination: 'store',
    cluster: 'south',
  },
  {
    name: 'across, ambient to ambient, server first',
    from: south,
    to: east,
    source: 'orders',
    destination: 'store',
    cluster: 'east',
    gatewayPort: 15_008,
  },
  {
    name: 'across, sidecar to ambient, server first',
    from: ['south-orders-sidecar-sidecar'],
    to: east,
    source: 'orders',
    destination: 'store',
    cluster: 'east',
    gatewayPort: 15_443,
  },
];
