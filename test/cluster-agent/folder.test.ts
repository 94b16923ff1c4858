import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { Folder, lossMillis, settleMillis } from '../../cluster-agent/source/files/folder.ts';
import { listFolder } from '../../cluster-agent/source/files/list-folder.ts';
import { LastGood } from '../../cluster-agent/source/files/last-good.ts';
import { readManifests } from '../../cluster-agent/source/files/read-file.ts';
import { StateFile } from '../../cluster-agent/state/state-file.ts';
import { ClusterView } from '../../cluster-agent/view/cluster-view.ts';
import { MemoryJournal } from '../fakes/memory-journal.ts';

const service = (name: string, port: number | string = 8080): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: shop }\nspec: { ports: [{ port: ${port} }] }\n`;

const denyAll = (rules = 'rules'): string => `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: closed
  namespace: shop
spec:
  action: DENY
  ${rules}:
    - from:
        - source:
            principals:
              - cluster.local/ns/shop/sa/mallory
---
${service('after')}`;

describe('a folder of manifests', () => {
  let root = '';
  let dir = '';
  let folder: Folder;
  let view: ClusterView;
  let now = 0;
  let writes = 0;
  let kept: MemoryJournal;
  const start = () => {
    const state = new StateFile(join(root, 'manifests.json'), silentLog);
    folder = new Folder(dir, new LastGood(kept, state), silentLog);
    view = new ClusterView();
  };
  beforeEach(() => {
    kept = new MemoryJournal();
    root = mkdtempSync(join(tmpdir(), 'isthmus-folder-'));
    dir = join(root, 'manifests');
    mkdirSync(dir);
    start();
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const look = (after = 0) => {
    now += after;
    const { events, ...rest } = folder.look(now);
    view.apply(events);
    return { events, ...rest };
  };
  /** No two writes look alike, however coarse the file system's time is. */
  const put = (file: string, text: string) => {
    writeFileSync(join(dir, `${file}.new`), `${text}\n# ${'.'.repeat(writes++ % 50)}\n`);
    renameSync(join(dir, `${file}.new`), join(dir, file));
  };
  const settled = () => {
    look();
    look(settleMillis);
    return look(lossMillis);
  };
  const write = (file: string, text: string) => {
    put(file, text);
    settled();
  };
  const names = () => [...view.all('Service')].map(({ metadata }) => metadata.name).sort();
  const messages = () =>
    [...view.rejections].map(({ object, message, file, line }) => `${object}: ${message} (${file}:${line})`);

  it('follows files that come, change and go', () => {
    write('a.yaml', service('one') + '---\n' + service('two'));
    assert.deepEqual(names(), ['one', 'two']);
    write('a.yaml', service('two', 9090));
    assert.deepEqual(names(), ['two']);
    assert.equal(view.get('Service', 'shop', 'two')?.ports[0]?.port, 9090);
    unlinkSync(join(dir, 'a.yaml'));
    settled();
    assert.deepEqual(names(), []);
  });

  it('sends no event for what did not change', () => {
    write('a.yaml', service('one') + '---\n' + service('two'));
    put('a.yaml', service('one') + '---\n' + service('two', 9090));
    look();
    assert.deepEqual(
      look(settleMillis).events.map((event) => ('id' in event ? event.id : event.type)),
      ['Service/shop/two'],
    );
  });

  it('keeps the last good form of what is half written, takes what can be read beside it, and says so', () => {
    write('a.yaml', service('one'));
    write('a.yaml', service('two') + '---\nkind: [Serv');
    assert.deepEqual(names(), ['one', 'two'], 'one may be in the part that cannot be read');
    assert.match(messages()[0] ?? '', /^a\.yaml: .*\(a\.yaml:6\)$/);
    write('a.yaml', service('two'));
    assert.deepEqual(names(), ['two']);
    assert.deepEqual([...view.rejections], []);
  });

  const typos: Record<string, string> = {
    'a field': denyAll('ruls'),
    'the kind': denyAll().replace('AuthorizationPolicy', 'AuthorisationPolicy'),
    'the version': denyAll().replace('security.istio.io/v1', 'security.istio.io/v2'),
    'a rule that was only begun': denyAll().replace(/ {8}- source:[^-]*- cluster\S*/, ''),
    'no rule left': denyAll().replace(/ {4}- from:[^-]*- source:[^-]*- cluster\S*/, ''),
    'a label that is not text': denyAll().replace('name: closed', 'name: closed\n  labels: { a: 1 }'),
  };
  for (const [what, text] of Object.entries(typos))
    it(`a DENY is not lost by a typo: ${what}`, () => {
      write('a.yaml', denyAll());
      const before = view.get('AuthorizationPolicy', 'shop', 'closed');
      assert.equal(before?.rules.length, 1);
      assert.notEqual(text, denyAll());
      write('a.yaml', text);
      assert.equal(view.get('AuthorizationPolicy', 'shop', 'closed'), before);
      assert.ok([...view.rejections].length > 0, 'it is reported');
    });

  it('a file that is cut at any byte and caught so by one look loses nothing', () => {
    const whole = denyAll();
    write('a.yaml', whole);
    const before = view.get('AuthorizationPolicy', 'shop', 'closed');
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(join(dir, 'a.yaml'), whole.slice(0, length));
      look(1);
      put('a.yaml', whole);
      look(1);
      look(settleMillis);
      assert.deepEqual(view.get('AuthorizationPolicy', 'shop', 'closed'), before, `cut at ${length}`);
      assert.deepEqual(names(), ['after'], `cut at ${length}`);
    }
  });

  for (const [what, text] of [
    ['empty', ''],
    ['cut at a document’s end', denyAll().split('---')[0] ?? ''],
  ] as const)
    it(`a file that is ${what} for longer than a settling time loses nothing yet`, () => {
      write('a.yaml', denyAll());
      put('a.yaml', text);
      look();
      assert.deepEqual(look(settleMillis), {
        events: [],
        unsettled: false,
        behind: false,
        again: lossMillis - settleMillis,
      });
      put('a.yaml', denyAll());
      settled();
      assert.deepEqual(names(), ['after']);
      assert.ok(view.get('AuthorizationPolicy', 'shop', 'closed'));
      put('a.yaml', text);
      settled();
      assert.deepEqual(names(), [], 'and loses it when that stands');
    });

  it('an agent that starts again beside a broken file has not forgotten it', () => {
    write('a.yaml', denyAll());
    write('b.yaml', service('b'));
    put('a.yaml', denyAll('ruls'));
    put('b.yaml', 'kind: [');
    start();
    settled();
    assert.deepEqual(names(), ['after', 'b']);
    assert.equal(view.get('AuthorizationPolicy', 'shop', 'closed')?.rules.length, 1);
  });

  it('nor by a last good form that is damaged: it starts without it', () => {
    write('a.yaml', service('one'));
    writeFileSync(join(root, 'manifests.json'), '{"a.yaml": [');
    kept = new MemoryJournal();
    start();
    settled();
    assert.deepEqual(names(), ['one']);
  });

  it('what an older agent had written in one file is read once, and the file is removed then', async () => {
    write('a.yaml', denyAll());
    const texts = [...kept.entries()].flatMap(([file, body]) =>
      file === 'a.yaml' ? (JSON.parse(Buffer.from(body).toString()) as string[]) : [],
    );
    const older = join(root, 'manifests.json');
    writeFileSync(older, JSON.stringify({ 'a.yaml': texts }));
    put('a.yaml', denyAll('ruls'));
    kept = new MemoryJournal();
    start();
    settled();
    assert.equal(view.get('AuthorizationPolicy', 'shop', 'closed')?.rules.length, 1);
    await new Promise(setImmediate);
    assert.equal(existsSync(older), false);
    writeFileSync(older, JSON.stringify({ 'b.yaml': texts }));
    start();
    settled();
    assert.deepEqual([...kept.entries()].map(([key]) => key).sort(), ['a.yaml', 'begun']);
  });

  it('of many files writes the form of the one that has changed', () => {
    for (const name of ['a', 'b', 'c']) write(`${name}.yaml`, service(name));
    const written: string[] = [];
    kept.put = (key) => void written.push(key);
    write('b.yaml', service('b', 9090));
    assert.deepEqual(written, ['b.yaml']);
    write('b.yaml', service('b', 9090));
    assert.deepEqual(written, ['b.yaml'], 'nothing of it is another');
  });

  it('refuses one bad object by its name, field, file and line, and takes its neighbours', () => {
    write('a.yaml', service('good') + '---\n' + service('bad', 70_000) + '---\n' + service('fine'));
    assert.deepEqual(names(), ['fine', 'good']);
    assert.deepEqual(
      [...view.rejections].map(({ object, field }) => ({ object, field })),
      [{ object: 'Service shop/bad', field: 'spec.ports[0].port' }],
    );
    assert.match(messages()[0] ?? '', /\(a\.yaml:6\)$/);
  });

  it('takes an object from the first file that has it, and from the next when that one goes', () => {
    write('a.yaml', service('one', 1111));
    write('b.yaml', service('one', 2222));
    const port = () => view.get('Service', 'shop', 'one')?.ports[0]?.port;
    assert.equal(port(), 1111);
    assert.match(messages()[0] ?? '', /the same object is at a\.yaml:1, .*\(b\.yaml:1\)/);
    unlinkSync(join(dir, 'a.yaml'));
    settled();
    assert.equal(port(), 2222);
    assert.deepEqual([...view.rejections], []);
  });

  it('of two equal objects in one file takes the first, and says so', () => {
    write('a.yaml', service('one', 1111) + '---\n' + service('one', 2222));
    assert.equal(view.get('Service', 'shop', 'one')?.ports[0]?.port, 1111);
    assert.match(messages()[0] ?? '', /the same object is at a\.yaml:1, .*\(a\.yaml:6\)/);
  });

  it('a file that is renamed takes its objects with it', () => {
    write('z.yaml', service('one'));
    renameSync(join(dir, 'z.yaml'), join(dir, 'a.yaml'));
    const removed = [look(), look(settleMillis), look(lossMillis), look(lossMillis)]
      .flatMap(({ events }) => events)
      .filter(({ type }) => type === 'remove');
    assert.deepEqual(removed, []);
    assert.deepEqual(names(), ['one']);
    assert.deepEqual([...view.rejections], []);
    write('a.yaml', service('one', 9090));
    assert.equal(view.get('Service', 'shop', 'one')?.ports[0]?.port, 9090);
  });

  it('other files in the folder do no harm', async () => {
    write('good.yaml', service('good'));
    symlinkSync('nowhere', join(dir, '.#good.yaml'));
    symlinkSync('nowhere', join(dir, 'dangling.yaml'));
    mkdirSync(join(dir, 'd.yaml'));
    writeFileSync(join(dir, 'd.yaml', 'inner.yml'), service('inner'));
    const socket = createServer().listen(join(dir, 'socket.yaml'));
    await once(socket, 'listening');
    writeFileSync(join(dir, 'large.yaml'), '#'.repeat(600 * 1024));
    writeFileSync(join(dir, 'notes.txt'), 'kind: [');
    settled();
    socket.close();
    assert.deepEqual(names(), ['good', 'inner']);
    assert.deepEqual(
      messages()
        .map((line) => line.split(':')[0])
        .sort(),
      ['dangling.yaml', 'large.yaml', 'socket.yaml'],
    );
  });

  it('a folder that is gone takes nothing with it, and says so', () => {
    write('a.yaml', service('one'));
    rmSync(dir, { recursive: true });
    settled();
    assert.deepEqual(names(), ['one']);
    assert.match(messages()[0] ?? '', /cannot be listed/);
    mkdirSync(dir);
    write('a.yaml', service('two'));
    assert.deepEqual(names(), ['two']);
    assert.deepEqual([...view.rejections], []);
  });

  for (const [what, text] of [
    ['kind', service('one').replace('kind: Service', 'kind: Servcie')],
    ['apiVersion', service('one').replace('apiVersion: v1', 'apiVersion: v11')],
    ['field of its kind', service('one').replace('kind: Service', 'knd: Service')],
    ['field of its spec', service('one').replace('spec:', 'sepc:')],
  ] as const)
    it(`a live object with a misspelt ${what} keeps its last good form, and the rejection suggests the right word`, () => {
      write('a.yaml', service('one') + '---\n' + service('two'));
      write('a.yaml', text + '---\n' + service('two', 9090));
      assert.deepEqual(names(), ['one', 'two']);
      assert.equal(view.get('Service', 'shop', 'two')?.ports[0]?.port, 9090, 'its neighbour goes on');
      assert.match(messages()[0] ?? '', /did you mean "(Service|v1|kind|spec)"\?/);
    });

  it('an object whose kind becomes another that is not used goes', () => {
    write('a.yaml', service('one'));
    write('a.yaml', service('one').replace('kind: Service', 'kind: ConfigMap'));
    assert.deepEqual(names(), []);
    assert.deepEqual(
      [...view.rejections].map(({ code, severity }) => [code, severity]),
      [['SKIPPED', 'INFO']],
    );
  });

  it('a folder of any number of files is read, a part at each look', () => {
    for (let i = 0; i < 1500; i++) put(`f${i}.yaml`, service(`s${i}`) + '#'.repeat(500));
    look();
    let { behind, again } = look(settleMillis);
    assert.deepEqual([behind, again], [true, 1]);
    for (let i = 0; behind; i++) {
      assert.ok(i < 10);
      ({ behind, again } = look(1));
    }
    assert.equal(names().length, 1500);
    assert.deepEqual([...view.rejections], []);
  });

  it('the limit of files holds for what a link may lead to: one below, at it, and one above', () => {
    for (const name of ['a.yaml', 'b.yaml', 'c.yaml']) put(name, service('x'));
    for (const [most, closed] of [
      [4, 0],
      [3, 0],
      [2, 1],
    ] as const) {
      const listing = listFolder(dir, undefined, most);
      assert.equal(listing.files.size, Math.min(most, 3));
      assert.equal(listing.closed.size, closed);
    }
    assert.match(listFolder(dir, undefined, 2).closed.get('') ?? '', /more than 2 files: .*; remove some/);
  });

  it('a file that is written to all the time holds up no other', () => {
    put('a.yaml', service('a'));
    for (let i = 0; i < 10; i++) {
      put('busy.yaml', service('busy', 8000 + i));
      assert.equal(look(settleMillis / 2).unsettled, true);
    }
    assert.deepEqual(names(), ['a']);
  });
});

describe('reading manifests', () => {
  const refused: Record<string, { text: string; field: RegExp }> = {
    'a policy with a field that is none': {
      text: 'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: a }\nspec: { acton: DENY }',
      field: /acton/,
    },
    'a policy with a block that is none': {
      text: 'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: a }\nspec: { rules: [{ from: [{ source: { ipBlocks: [nonsense/99] } }] }] }',
      field: /ipBlocks/,
    },
    'a PeerAuthentication with a mode that is none': {
      text: 'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: { name: a }\nspec: { mtls: { mode: STRCT } }',
      field: /mtls\.mode/,
    },
    'a pod without containers': {
      text: 'apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [] }',
      field: /spec\.containers/,
    },
    'an object without a name': {
      text: 'apiVersion: v1\nkind: Service\nmetadata: {}',
      field: /metadata\.name/,
    },
    'a name of 64 KB': {
      text: `apiVersion: v1\nkind: Service\nmetadata: { name: ${'a'.repeat(65_536)} }`,
      field: /metadata\.name/,
    },
    'a bare word': { text: 'hello', field: /^$/ },
  };
  for (const [what, { text, field }] of Object.entries(refused))
    it(`refuses ${what}`, () => {
      const { objects, rejections } = readManifests(text, 'a.yaml');
      assert.equal(objects.size, 0);
      assert.match(rejections[0]?.field ?? 'nothing was refused', field);
      assert.ok((rejections[0]?.message.length ?? 0) > 0);
    });

  it('refuses a bomb of aliases as a whole, and leaves the prototype of all objects alone', () => {
    const levels = Array.from(
      { length: 10 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array.from({ length: 10 }, () => `*l${i}`).join(', ')}]`,
    );
    assert.equal(readManifests(`l0: &l0 [x]\n${levels.join('\n')}`, 'bomb.yaml').broken, true);
    readManifests(
      'apiVersion: v1\nkind: Service\nmetadata: { name: a, labels: { __proto__: x } }\n__proto__: { polluted: yes }\nspec: {}',
      'a.yaml',
    );
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });
});
