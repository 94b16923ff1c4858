import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Folder } from '../../cluster-agent/source/files/folder.ts';
import { readManifests } from '../../cluster-agent/source/files/read-file.ts';
import { ClusterView } from '../../cluster-agent/view/cluster-view.ts';

const service = (name: string, port: number | string = 8080): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: shop }\nspec: { ports: [{ port: ${port} }] }\n`;

describe('a folder of manifests', () => {
  let dir = '';
  let folder: Folder;
  let view: ClusterView;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-folder-'));
    folder = new Folder(dir);
    view = new ClusterView();
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const write = (file: string, text: string) => {
    writeFileSync(join(dir, file), text);
    view.apply(folder.scan());
  };
  const names = () => view.all('Service').map(({ metadata }) => metadata.name);

  it('follows files that come, change and go', () => {
    write('a.yaml', service('one') + '---\n' + service('two'));
    assert.deepEqual(names(), ['one', 'two']);
    write('a.yaml', service('two', 9090));
    assert.deepEqual(names(), ['two']);
    assert.equal(view.get('Service', 'shop', 'two')?.ports[0]?.port, 9090);
    rmSync(join(dir, 'a.yaml'));
    view.apply(folder.scan());
    assert.deepEqual(names(), []);
  });

  it('keeps the last good form of a file that is half written, and says so', () => {
    write('a.yaml', service('one'));
    write('a.yaml', service('one') + '---\nkind: [Serv');
    assert.deepEqual(names(), ['one']);
    assert.equal(view.rejections[0]?.object, 'a.yaml');
    write('a.yaml', service('one'));
    assert.deepEqual(view.rejections, []);
  });

  it('refuses one bad object by its name and field, and takes its neighbours', () => {
    write('a.yaml', service('good') + '---\n' + service('bad', 70_000) + '---\n' + service('fine'));
    assert.deepEqual(names(), ['good', 'fine']);
    assert.deepEqual(
      view.rejections.map(({ object, field }) => ({ object, field })),
      [{ object: 'Service shop/bad', field: 'spec.ports[0].port' }],
    );
  });

  it('takes an object from the first file that has it', () => {
    write('a.yaml', service('one', 1111));
    write('b.yaml', service('one', 2222));
    assert.equal(view.get('Service', 'shop', 'one')?.ports[0]?.port, 1111);
    assert.match(view.rejections[0]?.reason ?? '', /a\.yaml already: b\.yaml/);
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
      assert.ok((rejections[0]?.reason.length ?? 0) > 0);
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
