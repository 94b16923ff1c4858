import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { settled } from '../../../fakes/turns.ts';
import { comparable, manifestTexts, viewOfFile, writtenIn } from '../../../kube/same-objects.ts';
import { SourceWorld } from './source-world.ts';

describe('a folder and the Kubernetes API with the same objects give the same view', () => {
  for (const [file, text] of manifestTexts())
    it(`of ${basename(file)}`, async () => {
      const written = writtenIn(text);
      const world = new SourceWorld();
      for (const { resource, object } of written) world.server.put({ ...resource, version: 'v1' }, object);
      await world.start();
      await settled();
      const ids = new Set(
        written.map(
          ({ resource, namespace, object }) => `${resource.kind}/${namespace}/${object.metadata.name}`,
        ),
      );
      const [fromApi, fromFile] = [comparable(world.view, ids), comparable(viewOfFile(text), ids)];
      await world.stop();
      assert.deepEqual(fromApi, fromFile);
    });
});
