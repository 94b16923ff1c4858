import assert from 'node:assert/strict';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { serviceKeyOf, type ServiceKey } from '@isthmus/cluster-agent/keys/names.ts';
import type { Touched } from '@isthmus/cluster-agent/keys/touched.ts';
import { ClusterAddresses, goneMillis } from '@isthmus/cluster-agent/source/kubernetes/cluster-ips.ts';
import { FakeClock } from '../../../fakes/clock.ts';

const key = (name: string): ServiceKey => serviceKeyOf({ namespace: 'shop', name });

describe('addresses of services in a cluster of Kubernetes', () => {
  let clock: FakeClock;
  let local: Set<string>;
  let remote: Set<ServiceKey>;
  let kept: Map<string, string>;
  let calls: string[];
  let leads: boolean;
  let addresses: ClusterAddresses;

  beforeEach(() => {
    clock = new FakeClock();
    local = new Set();
    remote = new Set();
    kept = new Map();
    calls = [];
    leads = true;
    addresses = new ClusterAddresses({
      allocations: {
        get: (service) => kept.get(service),
        services: () => [...kept.keys()],
        want: (service) => void calls.push(`want ${service}`),
        drop: (service) => void calls.push(`drop ${service}`),
        conditions: () => [],
      },
      leads: () => leads,
      view: { service: (service: ServiceKey) => (local.has(service) ? {} : undefined) } as never,
      hub: {
        remotesOf: (service: ServiceKey) => (remote.has(service) ? [{ cluster: 'west' }] : []),
        remoteServices: () => remote,
      } as never,
      clock,
    });
  });

  function publish(...touched: readonly Touched[]): void {
    const keys = new ChangeSet();
    for (const one of touched) keys.add(one);
    addresses.published({ keys });
  }
  const touch = (name: string) => publish({ kind: 'remotes', service: key(name) });

  it('are wanted for a service that is only elsewhere, and are those that are kept', () => {
    remote.add(key('cart'));
    touch('cart');
    assert.deepEqual(calls, [`want ${key('cart')}`]);
    assert.deepEqual(addresses.reserved(key('cart')), []);
    kept.set(key('cart'), '240.0.0.1');
    assert.deepEqual(addresses.reserved(key('cart')), ['240.0.0.1']);
  });

  it('are wanted for no service of the cluster, whatever others have', () => {
    remote.add(key('cart'));
    local.add(key('cart'));
    publish({ kind: 'service', service: key('cart') });
    assert.deepEqual(calls, [`drop ${key('cart')}`]);
  });

  it('are wanted for all such services when the cluster is listed, and what is kept of others is gone', async () => {
    remote.add(key('cart'));
    kept.set(key('old'), '240.0.0.2');
    publish({ kind: 'synced' });
    assert.deepEqual(calls, [`want ${key('cart')}`]);
    await clock.advance(goneMillis);
    addresses.release();
    assert.deepEqual(calls.slice(1), [`drop ${key('old')}`]);
  });

  for (const [millis, isDropped] of [
    [goneMillis - 1, false],
    [goneMillis, true],
    [goneMillis + 1, true],
  ] as const)
    it(`are ${isDropped ? 'given back' : 'kept'} ${millis} ms after the service was gone`, async () => {
      kept.set(key('cart'), '240.0.0.1');
      touch('cart');
      await clock.advance(millis);
      addresses.release();
      assert.deepEqual(calls, isDropped ? [`drop ${key('cart')}`] : []);
    });

  it('stay those of a service that comes back, and are touched once more meanwhile', async () => {
    kept.set(key('cart'), '240.0.0.1');
    touch('cart');
    await clock.advance(goneMillis - 1);
    touch('cart');
    remote.add(key('cart'));
    touch('cart');
    await clock.advance(goneMillis);
    addresses.release();
    assert.deepEqual(calls, [`want ${key('cart')}`]);
  });

  it('are given back by the leader alone', async () => {
    kept.set(key('cart'), '240.0.0.1');
    touch('cart');
    await clock.advance(goneMillis);
    leads = false;
    addresses.release();
    assert.deepEqual(calls, []);
    leads = true;
    addresses.release();
    assert.deepEqual(calls, [`drop ${key('cart')}`]);
  });
});
