import assert from 'node:assert/strict';
import { decideGateway } from '@isthmus/mesh/decide/gateway.ts';
import { grantRefusal } from '@isthmus/mesh/decide/granted.ts';
import { decideOutbound } from '@isthmus/mesh/decide/outbound.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { seededRandom } from '../fakes/random.ts';
import { aService, aWorkload } from '../fakes/records.ts';
import { CountedReads } from './counted-reads.ts';
import { assertScales, type Work } from './doubled.ts';

const network = 'network-east';
const zones = ['a1', 'a2', 'b1'];
const cart = aService({
  name: 'cart',
  mode: 'FAILOVER',
  routingPreference: ['NETWORK', 'REGION', 'ZONE'],
  exported: true,
  grantedClusters: ['west'],
  addresses: [{ network, address: '10.255.0.1', prefix: undefined }],
});
const client = aWorkload({
  uid: 'east//Pod/shop/front',
  addresses: ['10.254.0.1'],
  locality: { region: 'a', zone: 'a1', subzone: '' },
});

/** The i-th endpoint of the service. */
const endpoint = (i: number, over: Partial<Workload> = {}): Workload => {
  const zone = zones[i % zones.length] ?? '';
  return aWorkload({
    uid: `east//Pod/shop/cart-${i}`,
    addresses: [`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`],
    capacity: 1 + (i % 5),
    locality: { region: zone.slice(0, 1), zone, subzone: '' },
    services: new Map([[cart.key, []]]),
    ...over,
  });
};

/** So many endpoints of one service, with as many services of another, which are exported and which nobody backs. */
class World {
  readonly #counted = new CountedReads();
  readonly #state = new MeshState();
  readonly #random = seededRandom(1);

  constructor(size: number) {
    for (const service of [cart, ...Array.from({ length: size }, (_, i) => other(i))])
      this.#state.applyAddresses([{ kind: 'service', service: this.#counted.of(service) }], []);
    for (let i = 0; i < size; i++) this.put(endpoint(i));
  }

  put(workload: Workload): void {
    this.#state.applyAddresses([{ kind: 'workload', workload: this.#counted.of(workload) }], []);
  }

  during = (run: () => void): number => this.#counted.during(run);

  outbound(avoid: (key: string) => boolean): void {
    const target = { kind: 'address', address: '10.255.0.1', port: 80 } as const;
    const decision = decideOutbound(this.#state, { source: client, network, target }, this.#random, avoid);
    assert.equal(decision.kind === 'routes' && decision.routes.length, 3);
  }

  atGateway(target: string): void {
    const place = { network, cluster: 'east', peer: { cluster: 'west' } };
    const authority = `${cart.hostname}:80`;
    const decision = decideGateway(this.#state, { ...place, authority, target }, this.#random);
    assert.equal(decision.kind === 'forward' && decision.candidates.length, 3);
  }

  atDestination(): void {
    const workload = endpoint(1);
    const arrival = { workload, port: 8080, service: undefined, peer: { cluster: 'west' } };
    assert.equal(grantRefusal(this.#state, arrival), undefined);
  }
}

const other = (i: number): Service =>
  aService({ name: `other-${i}`, namespace: 'elsewhere', exported: true });

/** What is read to choose among endpoints for the first time, and again after one of them has changed. */
const workOf =
  (choose: (world: World) => void) =>
  (size: number): Work => {
    const world = new World(size);
    const firstSync = world.during(() => choose(world));
    const change = world.during(() => {
      world.put(endpoint(7, { status: 'UNHEALTHY' }));
      choose(world);
    });
    return { firstSync, change };
  };

const choices: Record<string, (world: World) => void> = {
  'the route of a connection': (world) => world.outbound(() => false),
  'the route of a connection where all endpoints failed a moment ago': (world) => world.outbound(() => true),
  'where a gateway forwards to': (world) => world.atGateway(''),
  'where a gateway forwards to in one zone': (world) => world.atGateway('east/a/a2'),
};

describe('the size of a choice', () => {
  for (const [name, choose] of Object.entries(choices))
    for (const size of [1_000, 5_000])
      it(`${name}: reads as much after a change when ${size} endpoints are doubled`, () =>
        assertScales(workOf(choose), size));

  it('whether a grant covers an arrival: reads as much however many services other namespaces export', () =>
    assertScales((size) => {
      const world = new World(size);
      const reads = world.during(() => world.atDestination());
      return { firstSync: reads, change: reads };
    }, 1_000));
});
