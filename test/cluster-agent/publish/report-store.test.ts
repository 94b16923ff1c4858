import assert from 'node:assert/strict';
import { ReportStore } from '@isthmus/cluster-agent/publish/report-store.ts';

const encode = (text: string) => Buffer.from(text);

/** A store and what it said has changed. */
function observed() {
  const changes: string[] = [];
  const store = new ReportStore((type, names) => changes.push(`${type}: ${names.join(' ')}`));
  return { store, changes };
}

describe('the store of reports', () => {
  it('has nothing of a type before that has begun, and then nothing yet', () => {
    const { store, changes } = observed();
    assert.equal(store.of('service'), undefined);
    store.begin('service');
    store.begin('service');
    assert.deepEqual([...(store.of('service')?.keys() ?? ['?'])], []);
    assert.deepEqual(changes, ['service: ']);
  });

  it('names a report that is new, gone or another, and only then', () => {
    const { store, changes } = observed();
    store.begin('service');
    changes.length = 0;
    for (const text of ['1', '1', '2', undefined, undefined]) store.set('service', 'a', text, encode);
    assert.deepEqual(changes, ['service: a', 'service: a', 'service: a']);
  });

  it('replaces a type by the names that differ', () => {
    const { store, changes } = observed();
    const replace = (records: Readonly<Record<string, string>>) =>
      store.replace('gateway', new Map(Object.entries(records)), encode);
    replace({ a: '1', b: '1' });
    replace({ a: '1', b: '1' });
    replace({ a: '2', c: '1' });
    assert.deepEqual(changes, ['gateway: ', 'gateway: a b', 'gateway: a b c']);
    assert.deepEqual([...(store.of('gateway')?.keys() ?? [])], ['a', 'c']);
  });
});
