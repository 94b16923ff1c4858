import assert from 'node:assert/strict';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { Catalog } from '../../../federation/compile/catalog.ts';
import { HubIndexes } from '../../../federation/index/hub-indexes.ts';
import { Observations } from '../../../federation/observation/observations.ts';
import { Live } from '../../../federation/state/live.ts';
import { memoryStore } from '../../../federation/store/memory.ts';
import type { Store } from '../../../federation/store/store.ts';
import { aMember, Federation } from '../../fakes/federation.ts';

/** Gives its watchers the first commit, and fails instead of the second. */
function failingStore(): Store {
  const store = memoryStore();
  return {
    ...store,
    async *changes(after, signal) {
      for await (const change of store.changes(after, signal))
        if (change.revision > 1) throw new Error('the disk is gone');
        else yield change;
    },
  };
}

describe('federation/state: a snapshot that can no longer follow the store', () => {
  it('names the problem, and fails callers that wait for a commit, before the failure and after it', async () => {
    const { settings } = (await Federation.start()).now;
    const { clock, stop } = new Federation();
    const store = failingStore();
    const observations = new Observations(clock);
    const deps = { store, settings, epoch: 1, observations, log: silentLog };
    const live = await Live.start({ ...deps, index: new HubIndexes(), compiled: new Catalog() }, stop.signal);
    const put = async (name: string) => {
      const audit = { id: name, at: 1, actor: 'test', action: 'put', subject: '', ...blank };
      const write = { put: aMember(name), id: name, expected: 0 };
      const result = await store.commit({ writes: [write], audit, fence: 1 });
      assert.ok(result.kind === 'committed');
      return live.reached(result.revision);
    };
    await put('east');
    const problem = () => String(live.problem);
    assert.equal(problem(), 'undefined');
    const failure = { code: 'STORE_FAILED', message: /revision 1 and none after it: .*the disk is gone/ };
    await assert.rejects(put('west'), failure);
    assert.match(problem(), /start the hub again/);
    await assert.rejects(put('south'), failure);
    assert.deepEqual([...live.current.intent.clusters.keys()], ['east']);
    stop.abort();
  });
});

const blank = { reason: '', outcome: '{}', idempotencyKey: '' };
