import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { watched } from '@isthmus/cluster-agent/source/kubernetes/watched.ts';
import { parseAllDocuments } from 'yaml';
import { objectsOf } from '../../../fakes/cluster.ts';
import { settled } from '../../../fakes/turns.ts';
import { resourceOf, SourceWorld } from './source-world.ts';

const manifests = readFileSync(join(import.meta.dirname, '../../../golden/cluster.yaml'), 'utf8');

interface Written {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

describe('objects of every kind', () => {
  it('are the same in the view, whether a folder or the API has them', async () => {
    const world = new SourceWorld();
    const all = parseAllDocuments(manifests).map((document) => document.toJS() as Written);
    for (const object of all) world.server.put(resourceOf(object.kind), object);
    await world.start();
    await settled();
    const expected = objectsOf(manifests);
    // The API server gives each object a uid and the time of its creation.
    const plain = (object: object | undefined): unknown =>
      JSON.parse(
        JSON.stringify(object ?? {}, (name, value: unknown) => {
          if (name === 'uid' || name === 'createdAt') return undefined;
          return value instanceof Map ? [...value] : value;
        }),
      );
    for (const [id, object] of expected) assert.deepEqual(plain(world.view.byId(id)), plain(object), id);
    const kinds = new Set([...expected.values()].map(({ kind }) => kind));
    const missing = watched.map(({ resource }) => resource.kind).filter((kind) => !kinds.has(kind));
    assert.deepEqual(missing, ['ServiceAccount']);
    await world.stop();
  });
});
