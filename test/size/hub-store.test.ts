import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { HubStore } from '@isthmus/cluster-agent/link/hub-store.ts';
import { Journal } from '@isthmus/cluster-agent/state/journal.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../fakes/clock.ts';
import { assertScales, type Work } from './doubled.ts';

const page = 100;

const diversion = (i: number, percent: number) => {
  const id = `d-${10_000 + i}`;
  const body = wire.diversion.encode({
    id,
    cluster: 'west',
    percent,
    services: [],
    remoteOnly: false,
    deadline: undefined,
  });
  return { name: id, version: contentVersion(body), body };
};

type Counts = Journal['counts'];

/** What a store of so many resources writes for a first sync, and then for one change. */
async function workIn(root: string, size: number): Promise<Readonly<Record<keyof Counts, Work>>> {
  const folder = join(root, String(size));
  const journal = new Journal({ folder, clock: new FakeClock(), log: silentLog });
  const store = new HubStore({ journal, hub: 'hub', log: silentLog });
  await store.flushed();
  const counted = async (run: () => Promise<void>): Promise<Counts> => {
    const before = { ...journal.counts };
    await run();
    return {
      bytesWritten: journal.counts.bytesWritten - before.bytesWritten,
      flushes: journal.counts.flushes - before.flushes,
    };
  };
  const firstSync = await counted(async () => {
    for (let i = 0; i < size; i += page) {
      const resources = Array.from({ length: page }, (_, j) => diversion(i + j, 10));
      store.apply('diversion', resources, []);
      await store.flushed();
    }
    store.completed();
    await store.flushed();
  });
  const change = await counted(async () => {
    store.apply('diversion', [diversion(7, 20)], []);
    await store.flushed();
  });
  await journal.close();
  return {
    bytesWritten: { firstSync: firstSync.bytesWritten, change: change.bytesWritten },
    flushes: { firstSync: firstSync.flushes, change: change.flushes },
  };
}

describe('the size of what the hub has said, on disk', () => {
  let root = '';
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'isthmus-hub-state-'));
  });
  after(() => rmSync(root, { recursive: true }));

  const size = 500;
  it(`of ${size} resources: writes twice as much for a first sync when they are doubled, and as much for a change`, async () => {
    const works = new Map([
      [size, await workIn(root, size)],
      [2 * size, await workIn(root, 2 * size)],
    ]);
    for (const count of ['bytesWritten', 'flushes'] as const)
      assertScales((of) => works.get(of)![count], size);
  });
});
