import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { Folder, lossMillis, settleMillis } from '@isthmus/cluster-agent/source/files/folder.ts';
import { LastGood } from '@isthmus/cluster-agent/source/files/last-good.ts';
import { StateFile } from '@isthmus/cluster-agent/state/state-file.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { MemoryJournal } from '../fakes/memory-journal.ts';

const allow = (source: string): string => `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: callers, namespace: shop }
spec: { action: ALLOW, rules: [{ from: [{ ${source}: { namespaces: [shop] } }] }] }
`;
const good = allow('source');
const bad = allow('sorce');

describe('a security policy in a folder of manifests', () => {
  let root = '';
  let dir = '';
  let folder: Folder;
  let view: ClusterView;
  let now = 0;
  let writes = 0;
  let kept: MemoryJournal;
  /** The agent starts, perhaps again. */
  const start = () => {
    folder = new Folder(
      dir,
      new LastGood(kept, new StateFile(join(root, 'manifests.json'), silentLog)),
      silentLog,
    );
    view = new ClusterView();
    settled();
  };
  const settled = () => {
    for (const after of [0, settleMillis, lossMillis]) view.apply(folder.look((now += after)).events);
  };
  const write = (file: string, text: string) => {
    writeFileSync(join(dir, `${file}.new`), `${text}\n# ${'.'.repeat(writes++ % 50)}\n`);
    renameSync(join(dir, `${file}.new`), join(dir, file));
    settled();
  };
  beforeEach(() => {
    kept = new MemoryJournal();
    root = mkdtempSync(join(tmpdir(), 'isthmus-policies-'));
    dir = join(root, 'manifests');
    mkdirSync(dir);
    start();
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const rules = () => view.get('AuthorizationPolicy', 'shop', 'callers')?.rules.length;
  const codes = () => [...view.rejections].map(({ code }) => code).sort();

  it('that never could be read closes, and says so', () => {
    write('a.yaml', bad);
    assert.equal(rules(), 0, 'an ALLOW without rules');
    assert.deepEqual(codes(), ['REFUSED_POLICY_CLOSES', 'UNKNOWN_FIELD']);
    const [, closes] = [...view.rejections];
    assert.deepEqual(
      [closes?.object, closes?.severity, closes?.file, closes?.line],
      ['AuthorizationPolicy shop/callers', 'ERROR', 'a.yaml', 1],
    );
    write('a.yaml', good);
    assert.equal(rules(), 1);
    assert.deepEqual(codes(), []);
  });

  it('keeps its last good form, if it had one', () => {
    write('a.yaml', good);
    write('a.yaml', bad);
    assert.equal(rules(), 1);
    assert.deepEqual(codes(), ['UNKNOWN_FIELD']);
  });

  it('stays closed over a restart, with its file as it is or broken since', () => {
    write('a.yaml', bad);
    start();
    assert.equal(rules(), 0);
    write('a.yaml', `${bad}---\nkind: [Serv`);
    start();
    assert.equal(rules(), 0);
    assert.ok(codes().includes('REFUSED_POLICY_CLOSES'));
  });

  it('that is refused otherwise than before closes as it is now', () => {
    write('a.yaml', bad);
    write('a.yaml', bad.replace('ALLOW', 'DENY'));
    assert.equal(view.get('AuthorizationPolicy', 'shop', 'callers')?.action, 'DENY');
    write('a.yaml', '# nothing');
    assert.equal(rules(), undefined, 'and goes with its document');
    assert.deepEqual(codes(), []);
  });

  for (const namespace of ['Shop', '[shop]', '{ shop: 1 }']) {
    const misplaced = good.replace('namespace: shop', `namespace: ${namespace}`);

    it(`keeps its last good form when its namespace cannot be read any more: ${namespace}`, () => {
      write('a.yaml', good);
      write('a.yaml', misplaced);
      assert.equal(rules(), 1);
      assert.ok(codes().includes('REFUSED_POLICY_NOT_ENFORCED'));
      start();
      assert.equal(rules(), 1, 'after a restart too');
      write('a.yaml', '# nothing');
      assert.equal(rules(), undefined, 'and goes with its document');
    });

    it(`whose namespace never could be read says that it is not enforced: ${namespace}`, () => {
      write('a.yaml', misplaced);
      const found = [...view.rejections].find(({ code }) => code === 'REFUSED_POLICY_NOT_ENFORCED');
      assert.deepEqual([found?.severity, found?.field, found?.line], ['ERROR', 'metadata.namespace', 1]);
      assert.match(found?.message ?? '', /connections that it denies are let in/);
    });
  }

  const needsL7 = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: callers, namespace: shop }
spec: { action: DENY, rules: [{}, { to: [{ operation: { paths: [/admin] } }] }] }
`;
  const places = () =>
    [...view.rejections].map(({ code, object, field, file, line }) => [code, object, field, file, line]);
  const finding = (file: string, line: number) =>
    ['NOT_APPLIED', 'AuthorizationPolicy shop/callers', 'spec.rules[1]', file, line] as const;

  it('of which a part needs L7 keeps it, and is reported where it stands, also once it has moved', () => {
    write('a.yaml', needsL7);
    assert.equal(rules(), 2);
    assert.deepEqual(places(), [finding('a.yaml', 1)]);
    write('a.yaml', `${allow('source').replace('callers', 'others')}---\n${needsL7}`);
    assert.deepEqual(places(), [finding('a.yaml', 6)]);
    start();
    assert.deepEqual(places(), [finding('a.yaml', 6)], 'after a restart too');
    write('a.yaml', needsL7.replace('paths: [/admin]', 'ports: ["80"]'));
    assert.deepEqual(places(), []);
  });

  it('of which a part needs L7 is reported in each file that has it', () => {
    write('a.yaml', needsL7);
    write('b.yaml', needsL7);
    assert.deepEqual(places(), [
      finding('a.yaml', 1),
      ['DUPLICATE_OBJECT', 'AuthorizationPolicy shop/callers', '', 'b.yaml', 1],
      finding('b.yaml', 1),
    ]);
  });

  it('of which a part needs L7 is not reported while its last good form stays for a refused one', () => {
    write('a.yaml', needsL7);
    write('a.yaml', needsL7.replace('paths', 'path'));
    assert.equal(rules(), 2);
    assert.deepEqual(codes(), ['UNKNOWN_FIELD']);
  });

  it('that is refused and would deny requests alone has no stand-in', () => {
    write(
      'a.yaml',
      needsL7.replace('[{}, ', '[').replace('namespace: shop', 'namespace: shop, labels: { a: 1 }'),
    );
    assert.equal(rules(), undefined);
    assert.deepEqual(codes(), ['INVALID_FIELD']);
  });

  it('is taken from a file where it can be read before one where it cannot', () => {
    write('a.yaml', bad);
    write('b.yaml', good);
    assert.equal(rules(), 1);
  });

  it('is taken from the same one of two files in whatever order these came, and after a restart', () => {
    write('b.yaml', good);
    const other = good.replace('[shop]', '[shop], serviceAccounts: [a]');
    write('a.yaml', other);
    const live = view.get('AuthorizationPolicy', 'shop', 'callers');
    start();
    assert.deepEqual(view.get('AuthorizationPolicy', 'shop', 'callers'), live);
    assert.equal([...view.rejections][0]?.file, 'b.yaml');
  });
});
