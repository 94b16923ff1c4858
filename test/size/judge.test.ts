import assert from 'node:assert/strict';
import { judgeEntering, type Live } from '@isthmus/mesh/decide/live.ts';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import { formatWorkloadIdentity, workloadIdentity } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import { seen } from '@isthmus/mesh/rbac/matching.ts';
import { MeshState, type Address } from '@isthmus/mesh/state/mesh-state.ts';
import { TouchedKeys, type Touched } from '@isthmus/mesh/state/touched.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { Connections } from '@isthmus/ztunnel/proxy/connections.ts';
import { makeAuthority } from '../fakes/authority.ts';
import { FakeClock } from '../fakes/clock.ts';
import { anAuthorization, aService, aWorkload } from '../fakes/records.ts';
import { assertScales } from './doubled.ts';

const [east, west] = [makeAuthority('td-east', 'east'), makeAuthority('td-west', 'west')];
const connectionsOfAPod = 100;
const cart = aService({ name: 'cart', exported: true, grantedClusters: ['west'] });
const mapping = [{ servicePort: 80, targetPort: 8080 }];

/** The i-th local pod; each names a policy of its own, and the first alone takes calls of another cluster. */
const pod = (i: number, over: Partial<Workload> = {}): Workload =>
  aWorkload({
    uid: `east//Pod/shop/pod-${i}`,
    namespace: i === 0 ? 'shop' : 'other',
    addresses: [`10.0.${i >> 8}.${i & 255}`],
    authorizationPolicies: [`shop/p-${i}`],
    services: new Map([[cart.key, mapping]]),
    ...over,
  });
const foreign = (i: number, over: Partial<Workload> = {}): Workload =>
  aWorkload({ uid: `east//Pod/far/${i}`, node: 'node-2', addresses: [`10.1.${i >> 8}.${i & 255}`], ...over });

const asWorkload = (workload: Workload): Address => ({ kind: 'workload', workload });
const policy = (i: number) => anAuthorization({ name: `p-${i}`, rules: [[]] });

/** So many inbound connections, 100 of each local pod, and as many foreign workloads. Verdicts are counted. */
class World {
  readonly state = new MeshState();
  readonly table = new IssuerTable();
  readonly #connections: Connections;
  #verdicts = 0;

  constructor(size: number) {
    this.#connections = new Connections({
      clock: new FakeClock(),
      judge: (live) => {
        this.#verdicts++;
        return judgeEntering(this.state, this.table, live);
      },
      servedBy: (uid) => this.state.workloads.get(uid),
    });
    for (const authority of [east, west]) authority.teach(this.table);
    const pods = Array.from({ length: size / connectionsOfAPod }, (_, i) => pod(i));
    this.state.applyAuthorizations(
      pods.map((_, i) => policy(i)),
      [],
    );
    this.state.applyAddresses(
      [
        { kind: 'service', service: cart },
        ...pods.map(asWorkload),
        ...Array.from({ length: size }, (_, i) => asWorkload(foreign(i))),
      ],
      [],
    );
  }

  /** Verdicts to let all in. */
  enterAll(size: number): number {
    return this.#during(() => {
      for (let i = 0; i < size; i++) {
        const entered = this.#connections.enter({ ...arrival(i), about: '' });
        assert.equal(entered.kind, 'place');
      }
    });
  }

  addresses(...upserts: readonly Address[]): number {
    return this.#wake(() => ({ touched: this.state.applyAddresses(upserts, []) }));
  }

  policy(one: Authorization): number {
    return this.#wake(() => ({ touched: this.state.applyAuthorizations([one], []) }));
  }

  teach(authority: typeof east, revoked = false): number {
    const { keyId, trustDomain, intermediate } = authority;
    const { certificate } = intermediate;
    const cluster = authority === east ? 'east' : 'west';
    return this.#wake(() => ({
      issuers: this.table.upsertIntermediate({ keyId, trustDomain, cluster, certificate, revoked }),
    }));
  }

  #wake(
    change: () => {
      touched?: Touched;
      issuers?: ReadonlySet<string>;
    },
  ) {
    const { touched = new TouchedKeys(), issuers = new Set() } = change();
    return this.#during(() => this.#connections.wake(touched, issuers, () => undefined));
  }

  #during(run: () => void): number {
    const before = this.#verdicts;
    run();
    return this.#verdicts - before;
  }
}

/** The i-th connection: those of the first pod come from cluster west, the others from east. */
function arrival(i: number): Live {
  const to = Math.floor(i / connectionsOfAPod);
  const [authority, cluster] = to === 0 ? [west, 'west'] : [east, 'east'];
  const identity = workloadIdentity(authority.trustDomain, 'shop', 'front');
  const peer: Peer = {
    spiffeId: formatWorkloadIdentity(identity),
    identity,
    trustDomain: authority.trustDomain,
    cluster,
    issuerKeyId: authority.keyId,
    notAfter: Infinity,
  };
  const workload = pod(to);
  const destination = { address: workload.addresses[0] ?? '', port: 8080, workload };
  return {
    peer,
    outbound: undefined,
    inbound: {
      facts: seen({ source: { address: '10.2.0.1', identity }, destination }),
      sourceAddress: '10.2.0.1',
      port: 8080,
      workload: workload.uid,
      service: undefined,
    },
  };
}

describe('verdicts in worlds of one size and of twice that', () => {
  const scales = (change: (world: World) => number) =>
    assertScales((size) => {
      const world = new World(size);
      return { firstSync: world.enterAll(size), change: change(world) };
    }, 1000);

  it('are those of one pod, when it or its policy changes', () => {
    scales((world) => world.addresses(asWorkload(pod(3, { strict: true }))));
    scales((world) => world.policy(policy(3)));
  });

  it('are those of one issuer that is revoked', () => scales((world) => world.teach(west, true)));

  it('are those of callers of another cluster, when a grant changes', () =>
    scales((world) =>
      world.addresses({ kind: 'service', service: { ...cart, grantedClusters: ['west', 'x'] } }),
    ));

  it('are none for what no verdict reads, and one for each connection that comes in', () => {
    const world = new World(1000);
    assert.equal(world.enterAll(1000), 1000);
    assert.equal(world.addresses(asWorkload(foreign(1, { status: 'UNHEALTHY' }))), 0);
    assert.equal(world.addresses(asWorkload(foreign(1, { strict: true }))), 0);
    assert.equal(world.addresses(asWorkload(pod(1, { status: 'UNHEALTHY', capacity: 7 }))), 0);
    assert.equal(world.policy(policy(999)), 0);
    assert.equal(world.teach(makeAuthority('td-north', 'north')), 0, 'a cluster joins');
    assert.equal(world.teach(east), 0, 'an issuer comes again as it was');
    const service = aService({
      name: 'till',
      addresses: [{ network: 'n', address: '10.9.0.1', prefix: undefined }],
    });
    assert.equal(world.addresses({ kind: 'service', service: { ...service, namespace: 'elsewhere' } }), 0);
  });

  it('are all for a policy of the whole mesh', () => {
    const world = new World(1000);
    world.enterAll(1000);
    const global = anAuthorization({ name: 'all', scope: 'GLOBAL', rules: [[]] });
    assert.equal(world.policy(global), 1000);
  });
});
