import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Allocations } from '@isthmus/cluster-agent/source/files/allocations.ts';
import { filesSource } from '@isthmus/cluster-agent/source/files/files-source.ts';
import { Folder } from '@isthmus/cluster-agent/source/files/folder.ts';
import { LastGood } from '@isthmus/cluster-agent/source/files/last-good.ts';
import { StateFile } from '@isthmus/cluster-agent/state/state-file.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { within } from './measured.ts';
import { MemoryJournal } from '../fakes/memory-journal.ts';

const files = 10_000;
const perFolder = 1000;

const service = (name: string, port: number): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: shop }\nspec: { ports: [{ port: ${port} }] }\n`;

describe(`a change in a folder of ${files} files`, () => {
  let root = '';
  const stop = new AbortController();
  const view = new ClusterView();
  let wake: () => void = () => undefined;
  const pathOf = (i: number) =>
    join(root, 'manifests', `d${Math.floor(i / perFolder)}`, 'nested', `f${i}.yaml`);

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'isthmus-many-'));
    mkdirSync(join(root, 'state'));
    for (let i = 0; i < files; i++) {
      if (i % perFolder === 0) mkdirSync(join(pathOf(i), '..'), { recursive: true });
      writeFileSync(pathOf(i), service(`s${i}`, 1000));
    }
    const state = (name: string) => new StateFile(join(root, 'state', name), silentLog);
    const clock = systemClock;
    const source = filesSource({
      folder: new Folder(
        join(root, 'manifests'),
        new LastGood(new MemoryJournal(), state('good.json')),
        silentLog,
      ),
      allocations: new Allocations({ file: state('a.json'), block: '127.64.16.0/20', clock, log: silentLog }),
      ask: () => Promise.resolve(true),
      clock,
    });
    const started = clock.monotonic();
    void source.run((batch) => {
      view.apply(batch);
      wake();
    }, stop.signal);
    await until(() => view.synced);
    console.log(
      `      listed: ${[...view.all('Service')].length} objects in ${Math.round(clock.monotonic() - started)} ms`,
    );
    if ([...view.all('Service')].length !== files) throw new Error('listed before all files were read');
  });
  after(() => {
    stop.abort();
    rmSync(root, { recursive: true, maxRetries: 5 });
  });

  async function until(isSo: () => boolean): Promise<void> {
    while (!isSo())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
  const portOf = (i: number) => view.get('Service', 'shop', `s${i}`)?.ports[0]?.port;
  const replace = (path: string, text: string) => {
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
  };

  const ways: Record<string, (i: number, port: number) => void> = {
    'written in place': (i, port) => writeFileSync(pathOf(i), service(`s${i}`, port)),
    'renamed over': (i, port) => replace(pathOf(i), service(`s${i}`, port)),
    'by sed -i': (i, port) => void execFileSync('sed', ['-i', `s/port: [0-9]*/port: ${port}/`, pathOf(i)]),
  };
  let port = 2000;
  for (const [name, write] of Object.entries(ways))
    for (const i of [0, files - 1])
      it(`${name} is seen within a second, three times in a row (file ${i})`, async () => {
        for (let round = 0; round < 3; round++) {
          const wanted = ++port;
          const begun = systemClock.monotonic();
          write(i, wanted);
          await until(() => portOf(i) === wanted);
          within(`${name}, file ${i}`, systemClock.monotonic() - begun, 1000);
        }
      });

  it('that is a removal is seen within a second', async () => {
    const begun = systemClock.monotonic();
    unlinkSync(pathOf(5000));
    await until(() => portOf(5000) === undefined);
    within('removed', systemClock.monotonic() - begun, 1000);
  });
});
