import { unprivileged } from '../fakes/unprivileged.ts';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { Folder, lossMillis, settleMillis } from '@isthmus/cluster-agent/source/files/folder.ts';
import { watchFolder, type WatchFolder } from '@isthmus/cluster-agent/source/files/folder-watch.ts';
import { LastGood } from '@isthmus/cluster-agent/source/files/last-good.ts';
import { StateFile } from '@isthmus/cluster-agent/state/state-file.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { MemoryJournal } from '../fakes/memory-journal.ts';

const service = (name: string, port: number): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: shop }\nspec: { ports: [{ port: ${port} }] }\n`;

describe('the watch of a folder', () => {
  let root = '';
  let dir = '';
  let folder: Folder;
  let view: ClusterView;
  let stop: AbortController;
  let now = 0;
  let wake: () => void = () => undefined;
  let changes = 0;

  const start = (watchOne: WatchFolder = watchFolder) => {
    const state = new StateFile(join(root, 'state', 'manifests.json'), silentLog);
    folder = new Folder(dir, new LastGood(new MemoryJournal(), state), silentLog, watchOne);
    view = new ClusterView();
    folder.watch(() => {
      changes++;
      wake();
    }, stop.signal);
    look();
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'isthmus-watch-'));
    dir = join(root, 'manifests');
    mkdirSync(dir);
    mkdirSync(join(root, 'state'));
    stop = new AbortController();
    now = 0;
    changes = 0;
  });
  afterEach(() => {
    stop.abort();
    rmSync(root, { recursive: true });
  });

  /** What a look finds once it has stood still, at what the watch has named. */
  const look = () => {
    for (const wait of [0, settleMillis, lossMillis]) {
      now += wait;
      view.apply(folder.look(now, false).events);
    }
  };
  const port = (name = 'one') => view.get('Service', 'shop', name)?.ports[0]?.port;
  /** Waits for changes that the system tells, and looks after each: no other look would find anything. */
  const until = async (isSo: () => boolean) => {
    for (;;) {
      const change = new Promise<void>((resolve) => {
        wake = resolve;
      });
      look();
      if (isSo()) return;
      await change;
    }
  };
  const at = (...parts: string[]) => join(dir, ...parts);
  const replace = (path: string, text: string) => {
    writeFileSync(`${path}.tmp`, text);
    renameSync(`${path}.tmp`, path);
  };

  const ways: Record<string, (path: string, text: string) => void> = {
    'writing in place': (path, text) => writeFileSync(path, text),
    appending: (path, text) => {
      writeFileSync(path, '');
      appendFileSync(path, text);
    },
    'a rename over it, as git, rsync and kubectl do': replace,
    'sed -i': (path, text) => {
      const wanted = /port: (\d+)/.exec(text)?.[1] ?? '';
      execFileSync('sed', ['-i', `s/port: [0-9]*/port: ${wanted}/`, path]);
    },
    'an editor that keeps the old one beside it, as vim does': (path, text) => {
      renameSync(path, `${path}~`);
      writeFileSync(path, text);
      unlinkSync(`${path}~`);
    },
    'removing it and making it again': (path, text) => {
      unlinkSync(path);
      writeFileSync(path, text);
    },
  };
  for (const [name, write] of Object.entries(ways))
    it(`sees ${name}, also the third time and where it was replaced before`, async () => {
      writeFileSync(at('a.yaml'), service('one', 1000));
      start();
      replace(at('a.yaml'), service('one', 1001));
      await until(() => port() === 1001);
      for (const next of [1002, 1003, 1004]) {
        write(at('a.yaml'), service('one', next));
        await until(() => port() === next);
      }
    });

  it('believes a file that was renamed to its name after 10 ms, and one that is written in place after 50', async () => {
    writeFileSync(at('a.yaml'), service('one', 1000));
    const seen = new Set<string | null>();
    start((path, onChange, onLost) =>
      watchFolder(
        path,
        (name, isRename) => {
          seen.add(name);
          onChange(name, isRename);
        },
        onLost,
      ),
    );
    const after = async (millis: number, change: () => void) => {
      const before = port();
      change();
      // The kernel reports changes in their order: when this one has come, so have those before.
      const marker = `marker-${millis}.txt`;
      writeFileSync(at(marker), '');
      while (!seen.has(marker))
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      folder.look(now, false);
      now += millis;
      view.apply(folder.look(now, false).events);
      return port() !== before;
    };
    assert.equal(await after(9, () => replace(at('a.yaml'), service('one', 1001))), false);
    look();
    assert.equal(await after(10, () => replace(at('a.yaml'), service('one', 1002))), true);
    assert.equal(await after(49, () => writeFileSync(at('a.yaml'), service('one', 1003))), false);
    look();
    assert.equal(await after(50, () => writeFileSync(at('a.yaml'), service('one', 1004))), true);
  });

  it('looks at nothing but what the watch has named, until the whole folder is looked at', () => {
    writeFileSync(at('a.yaml'), service('one', 1000));
    start();
    writeFileSync(at('a.yaml'), service('one', 1001));
    look();
    assert.equal(port(), 1000);
    for (const wait of [0, settleMillis]) {
      now += wait;
      view.apply(folder.look(now).events);
    }
    assert.equal(port(), 1001);
  });

  for (const name of ['a.yaml', 'a.yml', 'a.json', 'a.YAML', 'a.YmL', 'A.JSON'])
    it(`sees ${name}`, async () => {
      start();
      const object = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'one', namespace: 'shop' },
        spec: { ports: [{ port: 1001 }] },
      };
      writeFileSync(at(name), JSON.stringify(object, undefined, '\t'));
      await until(() => port() === 1001);
    });

  it('sees folders that come, and what is written in them from then on', async () => {
    start();
    mkdirSync(at('x', 'y', 'z'), { recursive: true });
    writeFileSync(at('x', 'y', 'z', 'a.yaml'), service('one', 1001));
    await until(() => port() === 1001);
    replace(at('x', 'y', 'z', 'a.yaml'), service('one', 1002));
    await until(() => port() === 1002);
    renameSync(at('x', 'y'), at('x', 'w'));
    await until(() => port() === 1002);
    writeFileSync(at('x', 'w', 'z', 'a.yaml'), service('one', 1003));
    await until(() => port() === 1003);
  });

  it('sees what is in linked folders, and a link that leads elsewhere', async () => {
    for (const [name, number] of [
      ['first', 1001],
      ['second', 2001],
    ] as const) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'a.yaml'), service('one', number));
    }
    symlinkSync('../first', at('current'));
    start();
    assert.equal(port(), 1001);
    replace(join(root, 'first', 'a.yaml'), service('one', 1002));
    await until(() => port() === 1002);
    symlinkSync('../second', at('next'));
    renameSync(at('next'), at('current'));
    await until(() => port() === 2001);
    replace(join(root, 'second', 'a.yaml'), service('one', 2002));
    await until(() => port() === 2002);
  });

  it('sees what linked files lead to, over several links', async () => {
    mkdirSync(join(root, 'far', 'away'), { recursive: true });
    writeFileSync(join(root, 'far', 'away', 'real'), service('one', 1001));
    symlinkSync('away/real', join(root, 'far', 'link'));
    symlinkSync('../far/link', at('a.yaml'));
    start();
    assert.equal(port(), 1001);
    writeFileSync(join(root, 'far', 'away', 'real'), service('one', 1002));
    await until(() => port() === 1002);
    replace(join(root, 'far', 'away', 'real'), service('one', 1003));
    await until(() => port() === 1003);
  });

  it('sees a ConfigMap that Kubernetes mounts and swaps', async () => {
    mkdirSync(at('..1'));
    mkdirSync(at('..2'));
    writeFileSync(at('..1', 'a.yaml'), service('one', 1001));
    writeFileSync(at('..2', 'a.yaml'), service('one', 1002));
    symlinkSync('..1', at('..data'));
    symlinkSync('..data/a.yaml', at('a.yaml'));
    start();
    assert.equal(port(), 1001);
    symlinkSync('..2', at('..data_tmp'));
    renameSync(at('..data_tmp'), at('..data'));
    await until(() => port() === 1002);
  });

  it('sees the folder itself replaced', async () => {
    writeFileSync(at('a.yaml'), service('one', 1001));
    start();
    mkdirSync(join(root, 'new'));
    writeFileSync(join(root, 'new', 'a.yaml'), service('one', 1002));
    renameSync(dir, join(root, 'old'));
    renameSync(join(root, 'new'), dir);
    await until(() => port() === 1002);
    replace(at('a.yaml'), service('one', 1003));
    await until(() => port() === 1003);
  });

  it('links that lead in a circle end, and list each file once', () => {
    mkdirSync(at('x'));
    symlinkSync('..', at('x', 'up'));
    symlinkSync('x', at('y'));
    writeFileSync(at('x', 'a.yaml'), service('one', 1001));
    start();
    assert.equal(port(), 1001);
    assert.deepEqual([...view.rejections], []);
  });

  it('goes on beside a file that cannot be read, which is that file’s rejection', () =>
    unprivileged(root, async () => {
      writeFileSync(at('a.yaml'), service('one', 1001));
      writeFileSync(at('closed.yaml'), service('two', 1001));
      chmodSync(at('closed.yaml'), 0);
      start();
      assert.deepEqual(
        [...view.rejections].map(({ code, object }) => [code, object]),
        [['UNREADABLE_FILE', 'closed.yaml']],
      );
      assert.deepEqual(folder.conditions, []);
      replace(at('a.yaml'), service('one', 1002));
      await until(() => port() === 1002);
      chmodSync(at('closed.yaml'), 0o600);
      await until(() => port('two') === 1001);
      assert.deepEqual([...view.rejections], []);
    }));

  it('goes on beside a file that is none to read, which is that file’s rejection', async () => {
    writeFileSync(at('a.yaml'), service('one', 1001));
    symlinkSync('nowhere', at('closed.yaml'));
    start();
    assert.deepEqual(
      [...view.rejections].map(({ code, object }) => [code, object]),
      [['UNREADABLE_FILE', 'closed.yaml']],
    );
    replace(at('a.yaml'), service('one', 1002));
    await until(() => port() === 1002);
  });

  it('is silent about what others do beside the folder', async () => {
    start();
    writeFileSync(join(root, 'other.yaml'), service('two', 1));
    writeFileSync(at('a.yaml'), service('one', 1001));
    await until(() => port() === 1001);
    const before = changes;
    writeFileSync(join(root, 'other.yaml'), service('two', 2));
    // The kernel tells things in their order: this one comes after any of the one before.
    mkdirSync(at('marker'));
    await until(() => changes > before);
    assert.equal(changes - before, 1);
  });

  describe('that is lost', () => {
    let refused: Set<string>;
    let tried: string[];
    const lose = new Map<string, (error: Error) => void>();
    const watchOne: WatchFolder = (path, onChange, onLost) => {
      tried.push(path);
      if (refused.has(path)) throw new Error('ENOSPC: System limit for number of file watchers reached');
      lose.set(path, onLost);
      return watchFolder(path, onChange, onLost);
    };
    beforeEach(() => {
      refused = new Set();
      tried = [];
      mkdirSync(at('x'));
    });

    it('is a condition that names the folder; the others go on, and it is tried again after 10 s', async () => {
      refused.add(at('x'));
      start(watchOne);
      const [condition] = folder.conditions;
      assert.deepEqual(
        [condition?.reason, condition?.severity, condition?.status],
        ['FILE_WATCH_LOST', 'WARNING', 'False'],
      );
      assert.match(
        condition?.message ?? '',
        new RegExp(`^lost the file watch on ${at('x')}; polling every 10 s instead: ENOSPC`),
      );
      assert.match(condition?.remedy ?? '', /max_user_watches/);
      writeFileSync(at('a.yaml'), service('one', 1001));
      await until(() => port() === 1001);
      tried = [];
      refused.clear();
      now = 9_999;
      folder.look(now);
      assert.deepEqual(tried, [], 'not yet');
      now = 10_000;
      folder.look(now);
      assert.deepEqual(tried, [at('x')]);
      assert.deepEqual(folder.conditions, []);
      writeFileSync(at('x', 'b.yaml'), service('two', 1001));
      await until(() => port('two') === 1001);
    });

    it('while it ran is reported, and changes made in between are found', () => {
      start(watchOne);
      assert.equal(folder.conditions.length, 0);
      const seen = changes;
      now = 20_000;
      refused.add(at('x'));
      lose.get(at('x'))?.(new Error('EIO'));
      assert.equal(changes, seen + 1);
      folder.look(now);
      const [condition] = folder.conditions;
      assert.equal(condition?.reason, 'FILE_WATCH_LOST');
    });

    it('of a folder that has gone is forgotten', () => {
      refused.add(at('x'));
      start(watchOne);
      rmSync(at('x'), { recursive: true });
      look();
      assert.deepEqual(folder.conditions, []);
    });

    it('names how many more there are', () => {
      mkdirSync(at('y'));
      refused.add(at('x')).add(at('y'));
      start(watchOne);
      assert.match(folder.conditions[0]?.message ?? '', /\(and on 1 more folders\)/);
    });
  });
});
