import assert from 'node:assert/strict';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { ok } from '@isthmus/mesh/result.ts';
import { auditSubject } from '../../../federation/command/audit-subject.ts';
import type { Command } from '../../../federation/command/command.ts';
import { byHub, CommandRunner } from '../../../federation/command/run.ts';
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
    const { live, store, stop } = await startFailing();
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
    await assert.rejects(put('west'), stored(2));
    assert.match(problem(), /start the hub again/);
    await assert.rejects(put('south'), stored(3));
    assert.deepEqual([...live.current.intent.clusters.keys()], ['east']);
    stop.abort();
  });

  it('is decided on no more: a command says that nothing was changed, or that its change is stored', async () => {
    const { live, store, runner, stop } = await startFailing();
    const options = { ...byHub('test'), actor: 'test' };
    const put = (name: string, over = {}) => runner.run(putMember, name, { ...options, ...over });
    const revision = async () => (await store.read()).revision;
    assert.ok((await put('east', { idempotencyKey: 'e' })).ok);
    await assert.rejects(put('west', { idempotencyKey: 'w' }), stored(2));
    assert.equal(await revision(), 2);
    const nothing = {
      code: 'STORE_FAILED',
      message:
        /^nothing was changed: .*revision 1 and none after it: .*the disk is gone; start the hub again$/,
    };
    await assert.rejects(put('south'), nothing);
    await assert.rejects(put('south', { dryRun: true }), nothing);
    assert.equal(await revision(), 2);
    // A key gets what it got before only when that is in force.
    await assert.rejects(put('west', { idempotencyKey: 'w' }), stored(2));
    assert.ok((await put('east', { idempotencyKey: 'e' })).ok);
    assert.deepEqual([...live.current.intent.clusters.keys()], ['east']);
    stop.abort();
  });

  it('is not waited for by a command that came second: nothing was changed', async () => {
    const { store, runner, stop } = await startFailing();
    const options = byHub('test');
    assert.ok((await runner.run(putMember, 'east', options)).ok);
    const [first, second] = await Promise.allSettled([
      runner.run(putMember, 'west', options),
      runner.run(putMember, 'west', options),
    ]);
    assert.match(String(first.status === 'rejected' && first.reason), /stored as revision 2/);
    assert.match(String(second.status === 'rejected' && second.reason), /nothing was changed/);
    assert.equal((await store.read()).revision, 2);
    stop.abort();
  });
});

const stored = (revision: number) => ({
  code: 'STORE_FAILED',
  message: new RegExp(
    `^the change is stored as revision ${revision} and is not in force until the hub is started again: .*revision 1 and none after it: .*the disk is gone`,
  ),
});

const putMember: Command<string, object> = {
  name: 'put',
  decide: (_now, name) =>
    ok({
      subject: auditSubject('cluster', name),
      writes: [{ put: aMember(name), id: name, expected: 0 }],
      payload: {},
      warnings: [],
    }),
};

async function startFailing() {
  const { settings } = (await Federation.start()).now;
  const { clock, random, stop, outside } = new Federation();
  const store = failingStore();
  const deps = { store, settings, epoch: 1, observations: new Observations(clock), outside, log: silentLog };
  const live = await Live.start({ ...deps, index: new HubIndexes(), compiled: new Catalog() }, stop.signal);
  return { live, store, stop, runner: new CommandRunner({ store, live, clock, random }) };
}

const blank = { reason: '', outcome: '{}', idempotencyKey: '' };
