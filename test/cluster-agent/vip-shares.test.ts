import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Allocations } from '@isthmus/cluster-agent/source/files/allocations.ts';
import { maxOfOne, maxRemote, vipCount } from '@isthmus/cluster-agent/source/files/vip-shares.ts';
import { StateFile } from '@isthmus/cluster-agent/state/state-file.ts';
import { shareRefusalConditions } from '@isthmus/cluster-agent/source/files/address-conditions.ts';
import { FilesAddresses } from '@isthmus/cluster-agent/source/files/addresses.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { serviceKeyAt, serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import { emptyHubView } from '@isthmus/cluster-agent/view/hub-view.ts';
import { ok } from '@isthmus/mesh/result.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../fakes/clock.ts';
import { aRemote, remotes, viewOf } from '../fakes/cluster.ts';
import { HubFollower } from '../fakes/hub-follower.ts';

const proxy = 'istio-system/ztunnel-a';

describe('virtual addresses of services that only other clusters have', () => {
  let folder = '';
  let clock: FakeClock;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-shares-'));
    clock = new FakeClock();
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  let offered: readonly string[] = [];
  const open = () => {
    offered = [];
    const file = new StateFile(join(folder, 'allocations.json'), silentLog);
    return new Allocations({ file, block: '127.64.16.0/20', clock, log: silentLog });
  };
  const services = (cluster: string, count: number) =>
    Array.from({ length: count }, (_, i) => `shop/${cluster}-${i}`);
  /** Tells whose the services are, as the agent does with each delta. */
  const offer = (allocations: Allocations, all: Record<string, readonly string[]>) => {
    const offers = new Map<string, string[]>();
    for (const [cluster, some] of Object.entries(all))
      for (const service of some) offers.set(service, [...(offers.get(service) ?? []), cluster].sort());
    for (const service of new Set([...offers.keys(), ...offered]))
      allocations.offer(service, offers.get(service) ?? [], false);
    offered = [...offers.keys()];
  };
  const given = (allocations: Allocations, some: readonly string[]) =>
    some.filter((service) => allocations.vip(proxy, service).ok).length;

  for (const [wanted, got] of [
    [maxOfOne - 1, maxOfOne - 1],
    [maxOfOne, maxOfOne],
    [maxOfOne + 1, maxOfOne],
  ] as const)
    it(`one other cluster that wants ${wanted} has ${got}`, () => {
      const allocations = open();
      offer(allocations, { west: services('west', wanted) });
      assert.equal(given(allocations, services('west', wanted)), got);
      assert.equal(allocations.shareRefusals[0]?.addresses, wanted > got ? 1 : undefined);
    });

  it('the rest is for this cluster and for other clusters', () => {
    const allocations = open();
    const all = { south: services('south', 100), west: services('west', 3000) };
    offer(allocations, all);
    assert.equal(given(allocations, all.west), maxRemote / 2);
    assert.equal(given(allocations, all.south), 100);
    const own = Array.from({ length: vipCount - maxRemote }, (_, i) => `own/${i}`);
    assert.equal(given(allocations, own), own.length);
  });

  for (const [count, each] of [
    [2, 1116],
    [3, 744],
    [4, 558],
  ] as const)
    it(`${count} other clusters that want all of it have equal shares, and this cluster a quarter`, () => {
      const allocations = open();
      const names = Array.from({ length: count }, (_, i) => `c${i}`);
      const all = Object.fromEntries(names.map((name) => [name, services(name, 3000)]));
      offer(allocations, all);
      for (let i = 0; i < 3000; i++) for (const name of names) allocations.vip(proxy, `shop/${name}-${i}`);
      for (const name of names) assert.equal(given(allocations, all[name]!), each, name);
      assert.equal(
        given(
          allocations,
          services('own/', 1000).map((one) => one.replace('shop/', '')),
        ),
        vipCount - maxRemote,
      );
    });

  it('what is given stays given over restarts, and counts', async () => {
    const all = { west: services('west', maxOfOne + 10) };
    const first = open();
    offer(first, all);
    given(first, all.west);
    const before = first.vip(proxy, 'shop/west-7');
    await clock.advance(100);
    const second = open();
    offer(second, all);
    assert.deepEqual(second.vip(proxy, 'shop/west-7'), before);
    assert.equal(given(second, all.west), maxOfOne);
  });

  it('count until they are free again, so that new names win nothing', async () => {
    const allocations = open();
    offer(allocations, { west: services('old', maxOfOne) });
    given(allocations, services('old', maxOfOne));
    offer(allocations, { west: services('new', 10) });
    assert.equal(given(allocations, services('new', 10)), 0);
    const isThere = (_kind: string, owner: string) => !owner.includes('old');
    allocations.release(isThere);
    await clock.advance(10 * 60_000);
    allocations.release(isThere);
    assert.equal(given(allocations, services('new', 10)), 10);
    assert.deepEqual(allocations.shareRefusals, []);
  });

  it('one that waits gets the address of an owner that has been gone for a while, and its proxy is named', async () => {
    const given: string[] = [];
    const file = new StateFile(join(folder, 'allocations.json'), silentLog);
    const onGiven = (client: string) => given.push(client);
    const allocations = new Allocations({ file, block: '127.64.16.0/20', onGiven, clock, log: silentLog });
    const all = services('west', maxOfOne + 2);
    offer(allocations, { west: all });
    for (const service of all) allocations.vip(proxy, service);
    const isThere = (_kind: string, owner: string) => !owner.endsWith('/west-3');
    allocations.release(isThere);
    await clock.advance(10 * 60_000 - 1);
    allocations.release(isThere);
    assert.deepEqual(given, []);
    await clock.advance(1);
    allocations.release(isThere);
    assert.deepEqual(given, [proxy], 'one of two that wait');
    assert.equal(allocations.shareRefusals[0]?.addresses, 1);
    assert.ok(allocations.vip(proxy, `shop/west-${maxOfOne}`).ok);
  });

  it('one that offers the names of another uses up nothing of the other', () => {
    const allocations = open();
    const west = services('west', 20);
    offer(allocations, { aaa: [...services('aaa', maxOfOne), ...west], west });
    given(allocations, services('aaa', maxOfOne));
    assert.equal(given(allocations, west), 20);
  });

  it('a service that this cluster has itself counts towards no other cluster', () => {
    const allocations = open();
    const all = services('west', maxOfOne);
    offer(allocations, { west: all });
    given(allocations, all);
    for (const own of all.slice(0, 10)) allocations.offer(own, [], true);
    allocations.offer('shop/late', ['west'], false);
    assert.ok(allocations.vip(proxy, 'shop/late').ok);
  });

  it('what finds none is a condition that names cluster, services, addresses, limit and remedy', () => {
    const allocations = open();
    offer(allocations, { west: services('west', maxOfOne + 2) });
    given(allocations, services('west', maxOfOne + 2));
    allocations.vip('istio-system/ztunnel-b', 'shop/west-0');
    const [one, ...more] = shareRefusalConditions(allocations.shareRefusals);
    assert.equal(more.length, 0);
    assert.deepEqual(
      [one?.reason, one?.severity, one?.object],
      ['REMOTE_SHARE_FULL', 'ERROR', 'Cluster west'],
    );
    assert.match(
      one?.message ?? '',
      /^3 services that only west has .* such as shop\/west-0, .*3 more virtual addresses .* at most 1488 of 2976$/,
    );
    assert.match(one?.remedy ?? '', /export fewer services from west/);
    offer(allocations, {});
    assert.deepEqual(allocations.shareRefusals, []);
  });

  it('are of those services that this cluster has not, by the keys that a delta names', () => {
    const yaml =
      'apiVersion: v1\nkind: Service\nmetadata: { name: cart, namespace: shop }\nspec: { ports: [{ port: 1 }] }\n';
    const one = (cluster: string, name: string) => aRemote({ cluster, name });
    const hub = new HubFollower();
    const said: (readonly [string, readonly string[], boolean])[] = [];
    const addresses = new FilesAddresses({
      allocations: {
        vip: () => ok('127.64.20.2'),
        isVipOf: () => false,
        offer: (service, clusters, isOwn) => said.push([service, clusters, isOwn]),
      },
      view: viewOf(yaml),
      hub,
    });
    const all = [one('west', 'cart'), one('west', 'pay'), one('south', 'pay'), one('west', 'ship')];
    hub.update({ ...emptyHubView, remotes: remotes(...all) });
    const opened = new ChangeSet();
    opened.add({ kind: 'synced' });
    addresses.published({ keys: opened });
    const key = (name: string) => `shop/${name}.shop.svc.cluster.local`;
    assert.deepEqual(
      new Map(said.map(([service, ...rest]) => [service, rest])),
      new Map([
        [key('cart'), [[], true]],
        [key('pay'), [['south', 'west'], false]],
        [key('ship'), [['west'], false]],
      ]),
    );
    said.length = 0;
    addresses.published({ keys: hub.update({ ...emptyHubView, remotes: remotes(...all.slice(0, 3)) }) });
    assert.deepEqual(said, [[key('ship'), [], false]]);
  });

  it('are none of a headless service', () => {
    const yaml =
      'apiVersion: v1\nkind: Service\nmetadata: { name: peers, namespace: shop }\nspec: { clusterIP: None, ports: [{ port: 1 }] }\n';
    const allocations = open();
    const addresses = new FilesAddresses({ allocations, view: viewOf(yaml), hub: new HubFollower() });
    const keys = new ChangeSet();
    keys.add({ kind: 'service', service: serviceKeyOf({ namespace: 'shop', name: 'peers' }) });
    addresses.published({ keys });
    assert.deepEqual(addresses.of(proxy, 'shop/peers.shop.svc.cluster.local'), []);
    assert.equal(addresses.of(proxy, 'shop/other.shop.svc.cluster.local').length, 1);
  });

  it('are of the hosts of a ServiceEntry as of a service of this cluster, and none of what is passed through', () => {
    const entry = (name: string, resolution: string) =>
      `---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: ${name}, namespace: shop }\n` +
      `spec: { hosts: [${name}.example.com], resolution: ${resolution}, ports: [{ number: 1 }] }\n`;
    const allocations = open();
    const view = viewOf(entry('static', 'STATIC') + entry('passed', 'NONE'));
    const addresses = new FilesAddresses({ allocations, view, hub: new HubFollower() });
    const keys = new ChangeSet();
    for (const name of ['static', 'passed'])
      keys.add({ kind: 'entryHost', service: serviceKeyAt('shop', `${name}.example.com`) });
    addresses.published({ keys });
    assert.equal(addresses.of(proxy, 'shop/static.example.com').length, 1);
    assert.deepEqual(addresses.of(proxy, 'shop/passed.example.com'), []);
  });
});
