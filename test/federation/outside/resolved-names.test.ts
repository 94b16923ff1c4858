import assert from 'node:assert/strict';
import { ResolvedNames, resolveMillis } from '../../../federation/outside/resolved-names.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('the host names of a hub', () => {
  const world = () => {
    const clock = new FakeClock();
    const records = new Map<string, readonly string[] | Error | Promise<readonly string[]>>();
    const asked: string[] = [];
    let changes = 0;
    const names = new ResolvedNames({
      clock,
      resolve(name) {
        asked.push(name);
        const found = records.get(name) ?? new Error('ENOTFOUND');
        return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
      },
      onChange: () => changes++,
    });
    return { clock, records, asked, names, changes: () => changes };
  };

  it('are resolved at once and every 30 seconds, addresses never', async () => {
    const { clock, records, asked, names } = world();
    records.set('a.example', ['192.0.2.2', '192.0.2.1', '192.0.2.1']);
    names.follow(['a.example', '192.0.2.9', '2001:db8::1']);
    await clock.advance(0);
    assert.deepEqual(names.addressesOf('a.example'), ['192.0.2.1', '192.0.2.2']);
    await clock.advance(resolveMillis - 1);
    assert.deepEqual(asked, ['a.example']);
    await clock.advance(1);
    assert.deepEqual(asked, ['a.example', 'a.example']);
  });

  it('are a change only where what they resolve to differs, in whatever order it comes', async () => {
    const { clock, records, names, changes } = world();
    records.set('a.example', ['192.0.2.1', '192.0.2.2']);
    names.follow(['a.example']);
    await clock.advance(0);
    assert.equal(changes(), 1);
    records.set('a.example', ['192.0.2.2', '192.0.2.1']);
    await clock.advance(3 * resolveMillis);
    assert.equal(changes(), 1);
    records.set('a.example', ['192.0.2.3']);
    await clock.advance(resolveMillis);
    assert.equal(changes(), 2);
    assert.deepEqual(names.addressesOf('a.example'), ['192.0.2.3']);
  });

  it('keep what they resolved to while nobody answers, and say that they fail', async () => {
    const { clock, records, names, changes } = world();
    records.set('a.example', ['192.0.2.1']);
    names.follow(['a.example']);
    await clock.advance(0);
    for (const failure of [new Error('EAI_AGAIN'), []]) {
      records.set('a.example', failure);
      await clock.advance(resolveMillis);
      assert.deepEqual(names.failing, ['a.example']);
      assert.deepEqual(names.addressesOf('a.example'), ['192.0.2.1']);
    }
    assert.equal(changes(), 2);
    records.set('a.example', ['192.0.2.1']);
    await clock.advance(resolveMillis);
    assert.deepEqual(names.failing, []);
    assert.equal(changes(), 3);
  });

  it('are asked for once at a time, however long the answer takes', async () => {
    const { clock, records, asked, names } = world();
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    records.set('a.example', promise);
    names.follow(['a.example']);
    await clock.advance(3 * resolveMillis);
    assert.deepEqual(asked, ['a.example']);
    resolve(['192.0.2.1']);
    await clock.advance(0);
    await clock.advance(resolveMillis);
    assert.deepEqual(names.addressesOf('a.example'), ['192.0.2.1']);
    assert.deepEqual(asked, ['a.example', 'a.example']);
  });

  it('are forgotten when they are no longer those of the hub; nothing runs without any', async () => {
    const { clock, records, asked, names } = world();
    records.set('a.example', ['192.0.2.1']);
    names.follow(['a.example', 'gone.example']);
    await clock.advance(0);
    names.follow(['192.0.2.9']);
    assert.deepEqual(names.failing, []);
    assert.deepEqual(names.addressesOf('a.example'), []);
    asked.length = 0;
    await clock.advance(10 * resolveMillis);
    assert.deepEqual(asked, []);
    assert.equal(clock.pending, 0);
  });
});
