import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { amid, type BadInput, type BadWorld } from '../../bench/size/agent/bad-input.ts';
import { policyOfAll, writeObjects } from '../../bench/size/agent/manifests.ts';

/** `unseen`: what clients have not got when they are asked. */
function aWorld(unseen: readonly { readonly name: string; readonly clients: number }[]) {
  const asked: unknown[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bad-'));
  const ask = (name: string, input: unknown) => {
    asked.push([name, input]);
    return Promise.resolve(name === 'unseen' ? unseen : undefined);
  };
  const done = () => Promise.resolve();
  const clients = { ask } as unknown as BadWorld['clients'];
  const world = { folder, application: '', wideEndpoints: 1, clients, probed: done, quiet: done };
  return { world, asked, folder };
}

const input: BadInput = {
  name: 'an input',
  change({ folder }, over) {
    writeObjects(folder, 'bad.yaml', policyOfAll(1));
    return new Promise((resolve) => over.addEventListener('abort', () => resolve()));
  },
  arrives: ['ns/one'],
};

describe('bad input of a size measurement', () => {
  it('is there while something is measured, must reach all clients, and is gone afterwards', async () => {
    const { world, asked, folder } = aWorld([]);
    const files = await amid(input, world, () => Promise.resolve(readdirSync(folder)));
    assert.deepEqual(files, ['bad.yaml']);
    assert.deepEqual(asked, [
      ['watch', ['ns/one']],
      ['unseen', undefined],
    ]);
    assert.deepEqual(readdirSync(folder), []);
    rmSync(folder, { recursive: true });
  });

  it('fails the measurement when it has not reached a client, and is gone all the same', async () => {
    const { world, folder } = aWorld([{ name: 'ns/one', clients: 2 }]);
    await assert.rejects(
      amid(input, world, () => Promise.resolve()),
      /an input: no change of ns\/one has reached 2 clients/,
    );
    assert.deepEqual(readdirSync(folder), []);
    rmSync(folder, { recursive: true });
  });
});
