import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HubEpochs } from '@isthmus/cluster-agent/link/hub-epochs.ts';
import { HubStore } from '@isthmus/cluster-agent/link/hub-store.ts';
import type { LinkIdentity } from '@isthmus/cluster-agent/link/identity.ts';
import { syncStream } from '@isthmus/cluster-agent/link/streams/sync.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { healthSourceOf } from '../../fakes/agent.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { MemoryJournal } from '../../fakes/memory-journal.ts';

/** A disk whose flushes take until a test ends them. */
class SlowDisk extends MemoryJournal {
  readonly waiting: (() => void)[] = [];
  isSlow = false;

  override flushed(): Promise<void> {
    return this.isSlow ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve();
  }
}

describe('what the hub sends over a Sync stream', () => {
  let dir = '';
  const disk = new SlowDisk();
  const written: wire.SyncMessage[] = [];
  const hubStore = new HubStore({ journal: disk, hub: 'hub', log: silentLog });
  /** What the agent knew each time that it was notified of a change of the view. */
  const seen: (number | undefined)[] = [];
  let nonce = 0;

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-sync-'));
  });
  after(() => rmSync(dir, { recursive: true }));

  const open = () => {
    const call = {
      write: (message: wire.SyncMessage) => written.push(message) > 0,
      once: () => undefined,
      on: () => undefined,
    };
    const deps = {
      identity: { hubId: 'hub' } as LinkIdentity,
      replica: { id: 'main', leads: () => true },
      localAddress: '127.0.0.1',
      hubStore,
      epochs: new HubEpochs(dir, silentLog),
      clock: new FakeClock(),
      random: systemRandom,
      log: silentLog,
      reports: () => undefined,
      health: healthSourceOf({ health: [] }),
      answer: () => Promise.reject(new Error('nothing is asked')),
      onView: () => void seen.push(hubStore.view.trafficShifts.get('d')?.percent),
    };
    const session = { leads: true, end: (why: string) => assert.fail(why) };
    const shared = { deps, systemVersion: { epoch: 1n, revision: 0n }, received: {} };
    const stream = syncStream.open(session as never, call as never, shared);
    stream.takeView();
    return stream;
  };
  const percent = (value: number): wire.SyncMessage => {
    const body = wire.trafficShift.encode({
      id: 'd',
      cluster: 'west',
      percent: value,
      services: [],
      remoteOnly: false,
      deadline: undefined,
    });
    return {
      kind: 'response',
      response: {
        type: 'diversion',
        nonce: `n${++nonce}`,
        systemVersion: { epoch: 1n, revision: BigInt(nonce) },
        resources: [{ name: 'd', version: contentVersion(body), body }],
        removed: [],
        complete: true,
      },
    };
  };
  const acknowledged = () =>
    written.flatMap((one) => (one.kind === 'request' && one.request.nonce ? [one.request.nonce] : []));
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

  it('is passed on at once, and acknowledged in its order when it is on the disk', async () => {
    const stream = open();
    disk.isSlow = true;
    for (const value of [30, 40]) stream.hear(percent(value));
    assert.deepEqual(seen, [30, 40]);
    await settle();
    assert.deepEqual(acknowledged(), []);
    const [first, second] = disk.waiting.splice(0);
    second?.();
    await settle();
    assert.deepEqual(acknowledged(), [], 'the one before is not on the disk');
    first?.();
    await settle();
    assert.deepEqual(acknowledged(), ['n1', 'n2']);
  });
});
