import assert from 'node:assert/strict';
import { clientId, type ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeOlderProven } from '@isthmus/cluster-agent/health/older-proven.ts';
import { ProvenProxies } from '@isthmus/cluster-agent/health/proven.ts';
import { Journal } from '@isthmus/cluster-agent/state/journal.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../../fakes/clock.ts';

const [a, b] = ['a', 'b'].map((name) => clientId('ztunnel', { namespace: 'istio-system', name })) as [
  ClientId,
  ClientId,
];

describe('the proofs of proxies on disk', () => {
  let root = '';
  const journals: Journal[] = [];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'isthmus-proven-'));
  });
  afterEach(async () => {
    for (const one of journals.splice(0)) await one.close();
    rmSync(root, { recursive: true });
  });

  const folder = () => join(root, 'proven');
  const aJournal = () => {
    const journal = new Journal({ folder: folder(), clock: new FakeClock(), log: silentLog });
    journals.push(journal);
    return journal;
  };
  const open = (journal = aJournal(), log = silentLog) => new ProvenProxies(journal, log);
  const proxyOf = (pod: string) => open().of(pod);

  it('are there after the agent was killed, and gone with their pod', () => {
    const proven = open();
    proven.set('pod-1', a);
    proven.set('pod-2', a);
    proven.set('pod-1', b);
    assert.deepEqual([proxyOf('pod-1'), proxyOf('pod-2')], [b, a]);
    proven.keep(new Set(['pod-1']));
    assert.deepEqual([proxyOf('pod-1'), proxyOf('pod-2')], [b, undefined]);
  });

  it('cost one record each, however many there are', () => {
    const written = (pods: number) => {
      const journal = aJournal();
      const proven = open(journal);
      for (let i = 0; i < pods; i++) proven.set(`pod-${1000 + i}`, a);
      const before = journal.counts.bytesWritten;
      proven.set('pod-1000', b);
      return journal.counts.bytesWritten - before;
    };
    assert.equal(written(200), written(100));
  });

  it('are written when there is room again, and reported once a second until then', () => {
    const errors: object[] = [];
    const proven = open(aJournal(), { ...silentLog, error: (fields: object) => errors.push(fields) });
    renameSync(folder(), `${folder()}.away`);
    for (let i = 0; i < 5; i++) proven.set(`pod-${i}`, a);
    assert.equal(errors.length, 1);
    proven.save();
    assert.equal(errors.length, 2);
    renameSync(`${folder()}.away`, folder());
    proven.save();
    assert.equal(errors.length, 2);
    assert.deepEqual([proxyOf('pod-0'), proxyOf('pod-4')], [a, a]);
  });

  it('are flushed about once a second', async () => {
    const journal = aJournal();
    const proven = open(journal);
    for (let i = 0; i < 5; i++) proven.set(`pod-${i}`, a);
    proven.save();
    await journal.flushed();
    assert.equal(journal.counts.flushes, 1);
    proven.save();
    await journal.flushed();
    assert.equal(journal.counts.flushes, 1);
  });

  it('of an agent that wrote them into one file are taken over once', () => {
    const older = join(root, 'proven.json');
    const write = (pods: string[]) =>
      writeFileSync(
        older,
        JSON.stringify({
          proxies: [
            [a, pods],
            ['no id', ['pod-9']],
          ],
        }),
      );
    write(['pod-1', 'pod-2']);
    takeOlderProven(older, open(), silentLog);
    assert.deepEqual([proxyOf('pod-1'), proxyOf('pod-2')], [a, a]);
    assert.equal(proxyOf('pod-9'), undefined, 'what names no proxy is passed over');
    assert.equal(existsSync(older), false);
    write(['pod-3']);
    takeOlderProven(older, open(), silentLog);
    assert.equal(proxyOf('pod-3'), undefined);
    assert.equal(existsSync(older), false);
  });
});
