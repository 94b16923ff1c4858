import assert from 'node:assert/strict';
import { TouchedKeys } from '@isthmus/mesh/state/touched.ts';
import { PodWaiters } from '@isthmus/ztunnel/proxy/pod-waiters.ts';
import { FakeClock } from '../../fakes/clock.ts';

const at = (address: string) => ({ kind: 'address', address }) as const;
const touchedBy = ({ sources = [], nodes = [] }: { sources?: string[]; nodes?: string[] }) => {
  const touched = new TouchedKeys();
  for (const address of sources) touched.sources.add(address);
  for (const node of nodes) touched.nodes.add(node);
  return touched;
};

describe('ztunnel/proxy: callers that wait for a pod', () => {
  it('wake those who wait for what was touched, once, and leave no timer', async () => {
    const clock = new FakeClock();
    const podWaiters = new PodWaiters(clock);
    const both = Promise.all([podWaiters.wait(at('10.0.0.1'), 5000), podWaiters.wait(at('10.0.0.1'), 5000)]);
    podWaiters.follow(touchedBy({ sources: ['10.0.0.1'] }), 'n1');
    await both;
    assert.deepEqual([podWaiters.size, clock.pending], [0, 0]);
  });

  it('wake those who wait for a pod by its uid', async () => {
    const podWaiters = new PodWaiters(new FakeClock());
    const wait = podWaiters.wait({ kind: 'uid', uid: 'a' }, 5000);
    const touched = new TouchedKeys();
    touched.workloads.add('a');
    podWaiters.follow(touched, 'n1');
    await wait;
    assert.equal(podWaiters.size, 0);
  });

  it('leave those asleep who wait for something else', () => {
    const podWaiters = new PodWaiters(new FakeClock());
    void podWaiters.wait(at('10.0.0.1'), 5000);
    podWaiters.follow(touchedBy({ sources: ['10.0.0.2'], nodes: ['n2'] }), 'n1');
    assert.equal(podWaiters.size, 1);
  });

  it('of a workload of the node wake all, as it may be served here from now on', async () => {
    const podWaiters = new PodWaiters(new FakeClock());
    const waits = Promise.all(['10.0.0.1', '10.0.0.2'].map((address) => podWaiters.wait(at(address), 5000)));
    podWaiters.follow(touchedBy({ nodes: ['n1'] }), 'n1');
    await waits;
    assert.equal(podWaiters.size, 0);
  });

  it('are not waited for any more when the time is over', async () => {
    const clock = new FakeClock();
    const podWaiters = new PodWaiters(clock);
    const waits = Promise.all(Array.from({ length: 100 }, () => podWaiters.wait(at('10.0.0.1'), 5000)));
    await clock.advance(5000);
    await waits;
    assert.equal(podWaiters.size, 0);
  });
});
