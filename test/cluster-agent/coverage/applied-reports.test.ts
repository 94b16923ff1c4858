import assert from 'node:assert/strict';
import type { ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import type { ServiceKey } from '@isthmus/api/domain/names.ts';
import type { Applied } from '@isthmus/api/domain/report.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { AppliedReports } from '@isthmus/cluster-agent/coverage/applied-reports.ts';
import type { Coverage, Outstanding } from '@isthmus/cluster-agent/xds/coverage.ts';
import { PolicyCoverage } from '@isthmus/cluster-agent/coverage/policy-coverage.ts';
import type { Touched } from '@isthmus/cluster-agent/keys/touched.ts';
import { ReportStore } from '@isthmus/cluster-agent/publish/report-store.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import { emptyHubView, type HubView } from '@isthmus/cluster-agent/view/hub-view.ts';
import type { ProxyClient } from '@isthmus/cluster-agent/xds/proxy-client.ts';
import { splitHorizon } from '@isthmus/cluster-agent/translate/split-horizon.ts';
import { aRemote, viewOf } from '../../fakes/cluster.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { aService, aWorkload, anAuthorization } from '../../fakes/records.ts';
import { byName, emptySnapshot } from '../../fakes/xds-world.ts';
import { setOf } from '../publish/publisher-world.ts';
import { inShop } from '../../fakes/services.ts';

const client: ProxyClient = {
  id: 'ztunnel/istio-system/z1' as ClientId,
  kind: 'ztunnel',
  namespace: 'istio-system',
  pod: 'z1',
  key: 'istio-system/z1',
  nodeName: 'n1',
  version: '0.1.0',
  upstreamVersion: '',
};
const { trustDomain, intermediate } = makeAuthority();
const intermediates = new Map(
  Array.from({ length: 100 }, (_, i) => [
    `i${i}`,
    { keyId: `i${i}`, trustDomain, cluster: 'west', certificate: intermediate.certificate, revoked: false },
  ]),
);
const cart = aService({ name: 'cart' });
const shift = (services: readonly ServiceKey[]) => ({
  id: 'd',
  cluster: 'east',
  percent: 100,
  services,
  remoteOnly: false,
  deadline: undefined,
});
const hubKey = (type: 'policy' | 'intermediate' | 'diversion', name: string): Touched => ({
  kind: 'hub',
  type,
  name,
});

/** What the hub has sent and proxies hold, as a test says, and what is reported of it. */
class World {
  view: HubView = emptyHubView;
  snapshot: ClusterSnapshot = emptySnapshot;
  covered: Coverage = { version: 'v1', proxies: 1, applied: 0, waiting: [client.key], rejected: [] };
  outstanding: readonly Outstanding[] = [];
  readonly unsettled = new Set<string>();
  isComplete = false;
  looks = 0;
  /** How often it was asked whether a key is settled. */
  asked = 0;
  readonly #turns: (() => void)[] = [];
  readonly store = new ReportStore(() => undefined);
  readonly reports = new AppliedReports({
    hub: {
      version: () => 'v1',
      refused: () => new Map(),
      get view() {
        return world().view;
      },
    },
    policies: new PolicyCoverage({
      cluster: 'east',
      view: viewOf(''),
      judged: () => undefined,
      isNamed: () => true,
      streams: { isConnected: () => true, acknowledged: () => 'NO', acknowledgedNow: () => false },
    }),
    streams: () => ({
      coverage: () => {
        this.looks++;
        return this.covered;
      },
      outstanding: () => this.outstanding,
      isComplete: () => this.isComplete,
    }),
    publisher: () => ({
      snapshot: this.snapshot,
      isSettled: (key) => {
        this.asked++;
        return !this.unsettled.has(
          key.kind === 'hub' ? key.name : key.kind === 'withdrawal' ? key.service : '',
        );
      },
      areWithdrawalsSettled: this.unsettled.size === 0,
    }),
    store: this.store,
    turn: (run) => this.#turns.push(run),
  });

  publish(...keys: readonly Touched[]): void {
    this.reports.published({ keys: setOf(...keys), changed: new Map(), bulk: new Set() });
  }

  answer(type: string, ...names: readonly string[]): void {
    const applied = new Map(names.map((name) => [name, 'v1']));
    this.reports.answered({ client, type, applied, removed: [], rejected: new Map() });
  }

  runTurns(): void {
    for (const run of this.#turns.splice(0)) run();
  }

  report(subject: string): Applied | undefined {
    const body = this.store.of('applied')?.get(subject)?.body;
    const decoded = body instanceof Uint8Array ? wire.appliedReport.decode(body) : undefined;
    return decoded?.ok ? decoded.value : undefined;
  }
}

let current: World;
const world = () => current;

describe('what is reported of the hub’s resources', () => {
  beforeEach(() => (current = new World()));

  it('is of an intermediate looked at again when a proxy answers about it, and not for others', () => {
    world().view = { ...emptyHubView, intermediates };
    world().publish({ kind: 'synced' });
    assert.equal(world().looks, 100);
    assert.equal(world().report('intermediate/i7')?.message, 'waiting for istio-system/z1');
    world().covered = { ...world().covered, applied: 1, waiting: [] };
    world().answer(typeUrls.intermediate, 'i7');
    world().answer(typeUrls.intermediate, 'i7');
    world().runTurns();
    assert.equal(world().looks, 101);
    assert.deepEqual(
      ['i7', 'i8'].map((name) => world().report(`intermediate/${name}`)?.state),
      ['APPLIED', 'PENDING'],
    );
  });

  it('is looked at again as a whole when a stream has opened, ended, or has received everything', () => {
    world().view = { ...emptyHubView, intermediates };
    world().publish({ kind: 'synced' });
    for (const event of [
      () => world().reports.opened(client),
      () => {
        world().isComplete = true;
        world().answer(typeUrls.authorization, 'p');
      },
      () => world().reports.lost(client),
    ]) {
      world().looks = 0;
      event();
      world().runTurns();
      assert.equal(world().looks, 100);
    }
    world().reports.opened(client);
    world().answer(typeUrls.authorization, 'p');
    world().runTurns();
    world().looks = 0;
    world().answer(typeUrls.authorization, 'p');
    world().runTurns();
    assert.equal(world().looks, 0);
  });

  it('waits until what the hub has sent is published', () => {
    world().view = { ...emptyHubView, intermediates };
    world().unsettled.add('i7');
    world().publish(hubKey('intermediate', 'i7'));
    assert.equal(world().report('intermediate/i7'), undefined);
    world().unsettled.clear();
    world().publish();
    assert.equal(world().report('intermediate/i7')?.state, 'PENDING');
  });

  it('waits of a traffic shift until every pod of its services is published that clients leave alone', () => {
    for (const services of [[inShop('cart')], []]) {
      current = new World();
      world().view = { ...emptyHubView, trafficShifts: new Map([['d', shift(services)]]) };
      world().snapshot = { ...emptySnapshot, services: byName(cart) };
      world().unsettled.add(cart.key);
      world().publish(hubKey('diversion', 'd'));
      assert.equal(world().report('diversion/d'), undefined);
      world().unsettled.clear();
      world().publish();
      assert.equal(world().report('diversion/d')?.state, 'APPLIED');
    }
  });

  it('costs as much of a traffic shift of all services, however many there are', () => {
    const asked = [100, 200].map((size) => {
      current = new World();
      world().view = { ...emptyHubView, trafficShifts: new Map([['d', shift([])]]) };
      const services = Array.from({ length: size }, (_, i) => aService({ name: `s${i}` }));
      world().snapshot = { ...emptySnapshot, services: byName(...services) };
      world().publish(hubKey('diversion', 'd'));
      world().answer(typeUrls.address, 'w');
      world().runTurns();
      assert.equal(world().report('diversion/d')?.state, 'APPLIED');
      return world().asked;
    });
    assert.deepEqual(asked, [2, 2]);
  });

  it('is gone with the resource', () => {
    world().view = { ...emptyHubView, intermediates };
    world().publish(hubKey('intermediate', 'i7'));
    assert.ok(world().report('intermediate/i7'));
    world().view = emptyHubView;
    world().publish(hubKey('intermediate', 'i7'));
    assert.equal(world().report('intermediate/i7'), undefined);
  });

  it('of a policy that selects nothing says so', () => {
    const policy = {
      name: 'p',
      revision: 1,
      target: { namespace: 'shop', labels: {} },
      authorization: anAuthorization({ name: 'p' }),
    };
    world().view = { ...emptyHubView, policies: new Map([['p', policy]]) };
    world().publish(hubKey('policy', 'p'));
    assert.equal(world().report('policy/p')?.message, 'it selects no workload of this cluster');
    world().view = emptyHubView;
    world().publish(hubKey('policy', 'p'));
    assert.equal(world().report('policy/p'), undefined);
  });
});

describe('what is reported of a traffic shift', () => {
  /** The uid of what stood for endpoints in the west. */
  const entry = (namespace: string, name: string): string => {
    const remote = aRemote({ namespace, name });
    const [group] = remote.groups;
    assert.ok(group);
    const [workload] = splitHorizon(trustDomain, [{ remote, group, capacity: 1 }]);
    return workload?.uid ?? '';
  };
  const at = (over: Partial<Outstanding> = {}): Outstanding => ({
    client,
    isComplete: true,
    names: [],
    refused: new Map(),
    ...over,
  });
  const reportOf = (services: readonly ServiceKey[], ...outstanding: readonly Outstanding[]) => {
    current = new World();
    world().view = { ...emptyHubView, trafficShifts: new Map([['d', shift(services)]]) };
    const member = aWorkload({ uid: 'w', services: new Map([[cart.key, []]]) });
    world().snapshot = { ...emptySnapshot, workloads: byName(member, aWorkload({ uid: 'other' })) };
    world().outstanding = outstanding;
    world().publish(hubKey('diversion', 'd'));
    const report = world().report('diversion/d');
    return [report?.state, report?.message, report?.proxies];
  };

  it('is that it is applied where no workload is of a diverted service', () => {
    assert.deepEqual(reportOf([inShop('orders')], at({ isComplete: false })), ['APPLIED', '', 0]);
  });

  it('is that it is applied when every proxy has all workloads of the diverted services', () => {
    assert.deepEqual(reportOf([inShop('cart')], at({ names: ['other', 'gone'] })), ['APPLIED', '', 1]);
    assert.deepEqual(reportOf([], at({ names: ['other'] })), ['APPLIED', '', 1]);
  });

  it('waits for a proxy that lacks one of them, or has not received everything once', () => {
    const waiting = ['PENDING', 'waiting for istio-system/z1', 1];
    assert.deepEqual(reportOf([inShop('cart')], at({ names: ['w'] })), waiting);
    assert.deepEqual(reportOf([inShop('cart')], at({ isComplete: false })), waiting);
    assert.deepEqual(reportOf([], at({ names: ['w'] })), waiting);
  });

  for (const [services, uid, isAwaited] of [
    [[inShop('cart')], entry('shop', 'cart'), true],
    [[], entry('shop', 'cart'), true],
    [[inShop('orders')], entry('shop', 'orders'), true],
    [[inShop('cart')], entry('shop', 'orders'), false],
    [[inShop('cart')], 'east//Pod/shop/cart-1', false],
  ] as const)
    it(`${isAwaited ? 'waits' : 'does not wait'} for a proxy that still has ${uid}, which is gone, of services ${services.join()}`, () => {
      const [state, , proxies] = reportOf(services, at({ names: [uid] }));
      assert.deepEqual([state, proxies], [isAwaited ? 'PENDING' : 'APPLIED', 1]);
    });

  it('is rejected where a proxy refuses one of them', () => {
    const refused = new Map([['w', { version: 'v1', reason: 'odd' }]]);
    assert.deepEqual(reportOf([inShop('cart')], at({ names: ['w'], refused })), [
      'REJECTED',
      `${client.id}: odd`,
      1,
    ]);
  });

  it('names three proxies that it waits for, and counts the rest', () => {
    const all = (count: number) =>
      Array.from({ length: count }, (_, i) =>
        at({ client: { id: `z${i}` as ClientId, key: `z${i}` }, names: ['w'] }),
      );
    for (const [count, message] of [
      [2, 'waiting for z0, z1'],
      [3, 'waiting for z0, z1, z2'],
      [4, 'waiting for z0, z1, z2 and 1 more'],
    ] as const)
      assert.equal(reportOf([inShop('cart')], ...all(count))[1], message);
  });
});
