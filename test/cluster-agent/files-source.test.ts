import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { Allocations } from '@isthmus/cluster-agent/source/files/allocations.ts';
import { filesSource } from '@isthmus/cluster-agent/source/files/files-source.ts';
import { Folder } from '@isthmus/cluster-agent/source/files/folder.ts';
import { LastGood } from '@isthmus/cluster-agent/source/files/last-good.ts';
import type { SourceEvent } from '@isthmus/cluster-agent/view/source-event.ts';
import { StateFile } from '@isthmus/cluster-agent/state/state-file.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../fakes/clock.ts';
import { MemoryJournal } from '../fakes/memory-journal.ts';

const pod = (name: string, over = '', spec = 'nodeName: n,') => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: a } }
spec: { ${spec} containers: [{ ports: [{ containerPort: 80 }] }] }
${over}
`;

describe('a folder of files as a cluster', () => {
  let folder = '';
  let clock: FakeClock;
  let view: ClusterView;
  let stop: AbortController;
  let events: SourceEvent[];
  /** Pods whose applications answer; those in `silent` never do. */
  let well: Set<string>;
  let silent: Set<string>;
  let asked: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-files-'));
    clock = new FakeClock();
    view = new ClusterView();
    stop = new AbortController();
    events = [];
    well = new Set();
    silent = new Set();
    asked = [];
  });
  afterEach(() => {
    stop.abort();
    rmSync(folder, { recursive: true });
  });

  const write = (text: string) => writeFileSync(join(folder, 'a.yaml'), text);
  const run = async (over: { readonly FolderClass?: typeof Folder; readonly time?: Clock } = {}) => {
    const { FolderClass = Folder, time = clock } = over;
    const file = (name: string) => new StateFile(join(folder, name), silentLog);
    const source = filesSource({
      folder: new FolderClass(folder, new LastGood(new MemoryJournal(), file('good.json')), silentLog),
      allocations: new Allocations({ file: file('a.json'), block: '127.64.16.0/20', clock, log: silentLog }),
      ask: ({ metadata }: PodObject) => {
        asked.push(metadata.name);
        return silent.has(metadata.name)
          ? new Promise<boolean>(() => undefined)
          : Promise.resolve(well.has(metadata.name));
      },
      clock: time,
    });
    void source.run((batch) => {
      events.push(...batch);
      view.apply(batch);
    }, stop.signal);
    await clock.advance(60);
  };
  /** Past the settling of what was written, even where no watch tells of it. */
  const rescan = () => clock.advance(10_100);
  const found = (name: string) => view.get('Pod', 'shop', name);

  it('is listed once each pod was probed, so that a restarted agent does not report all pods as not ready', async () => {
    write(pod('a') + pod('b'));
    well.add('a');
    await run();
    assert.deepEqual(
      events.map((event) =>
        event.type === 'upsert' ? `${event.id} ${String((event.object as PodObject).ready)}` : event.type,
      ),
      ['Pod/shop/a false', 'Pod/shop/b false', 'Pod/shop/a true', 'synced'],
    );
  });

  it('is listed after a while also when one does not answer', async () => {
    write(pod('a'));
    silent.add('a');
    await run();
    assert.equal(view.synced, false);
    await clock.advance(3000);
    assert.equal(view.synced, true);
  });

  it('without pods is listed at once', async () => {
    await run();
    assert.equal(view.synced, true);
  });

  it('is read without pauses until it is listed, also when a look at it takes long', async () => {
    let spent = 0;
    class SlowFolder extends Folder {
      override look(now: number, isWhole?: boolean) {
        spent += 100;
        return super.look(now, isWhole);
      }
    }
    const time: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic() + spent,
      after: (delay, then) => clock.after(delay, then),
    };
    const namespace = (name: string) => `{ apiVersion: v1, kind: Namespace, metadata: { name: ${name} } }\n`;
    const comment = `# ${'x'.repeat(1000)}\n`.repeat(300);
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) writeFileSync(join(folder, `${name}.yaml`), namespace(name) + comment);
    await run({ FolderClass: SlowFolder, time });
    assert.deepEqual(
      [...view.all('Namespace')].map(({ metadata }) => metadata.name),
      names,
    );
    assert.equal(events.at(-1)?.type, 'synced');
  });

  it('goes on probing a pod that is edited, and loses nothing of its readiness', async () => {
    write(pod('a'));
    well.add('a');
    await run();
    assert.equal(found('a')?.ready, true);
    well.clear();
    write(pod('a').replace('app: a', 'app: other'));
    await rescan();
    assert.equal(found('a')?.metadata.labels['app'], 'other');
    assert.equal(found('a')?.ready, false, 'its application is dead, and that is reported');
  });

  it('asks again, with what is known of it, when the probe is another', async () => {
    write(pod('a'));
    well.add('a');
    await run();
    events.length = 0;
    write(pod('a').replace('containerPort: 80', 'containerPort: 81'));
    await rescan();
    assert.deepEqual(
      events.map((event) => event.type === 'upsert' && (event.object as PodObject).ready),
      [true],
    );
  });

  it('emits nothing of what did not change, and asks on with one voice', async () => {
    write(pod('a') + pod('b'));
    for (const name of ['a', 'b']) well.add(name);
    await run();
    events.length = 0;
    write(pod('a') + pod('b', 'status: { podIP: 10.0.0.9 }'));
    await rescan();
    assert.deepEqual(
      events.map((event) => 'id' in event && event.id),
      ['Pod/shop/b'],
    );
    asked.length = 0;
    await clock.advance(1000);
    assert.deepEqual(asked.sort(), ['a', 'b']);
  });

  it('a pod that needs no probe any more is ready', async () => {
    write(pod('a'));
    await run();
    assert.equal(found('a')?.ready, false);
    write(pod('a').replace('ports: [{ containerPort: 80 }]', ''));
    await rescan();
    assert.equal(found('a')?.ready, true);
  });

  it('gives addresses, those of manifests first; an address that another has is refused', async () => {
    write(
      pod('free') +
        pod('given', 'status: { podIP: 127.64.17.2 }') +
        pod('thief', 'status: { podIP: 127.64.17.2 }'),
    );
    await run();
    assert.equal(found('given')?.podIP, '127.64.17.2');
    assert.equal(found('free')?.podIP, '127.64.17.3');
    assert.equal(found('thief')?.podIP, '');
    const [rejection] = [...view.rejections];
    assert.deepEqual([rejection?.object, rejection?.field], ['Pod shop/thief', 'status.podIP']);
    write(pod('free') + pod('thief', 'status: { podIP: 127.64.17.2 }'));
    await rescan();
    await clock.advance(1100);
    assert.equal(found('thief')?.podIP, '127.64.17.2', 'once the other has gone');
    assert.deepEqual([...view.rejections], []);
  });

  it('an address that a pod gives up is another’s at once', async () => {
    write(pod('given', 'status: { podIP: 127.64.17.2 }') + pod('thief', 'status: { podIP: 127.64.17.2 }'));
    await run();
    assert.equal(found('thief')?.podIP, '');
    write(pod('given', 'status: { podIP: 127.64.17.9 }') + pod('thief', 'status: { podIP: 127.64.17.2 }'));
    await rescan();
    assert.equal(found('thief')?.podIP, '127.64.17.2');
    assert.deepEqual([...view.rejections], []);
  });

  it('reports a pod without a node', async () => {
    write(pod('a', '', ''));
    await run();
    assert.deepEqual(
      [...view.rejections].map(({ object, field }) => [object, field]),
      [['Pod shop/a', 'spec.nodeName']],
    );
  });

  it('asks a pod no more that has gone', async () => {
    write(pod('a'));
    await run();
    write('');
    await rescan();
    await clock.advance(1100);
    assert.equal(found('a'), undefined);
    asked.length = 0;
    await clock.advance(2000);
    assert.deepEqual(asked, []);
  });
});
