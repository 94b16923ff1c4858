import assert from 'node:assert/strict';
import type { NamespaceObject } from '@isthmus/api/kubernetes/objects.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { podKey } from '@isthmus/cluster-agent/keys/names.ts';
import { formatTouched, type Touched } from '@isthmus/cluster-agent/keys/touched.ts';

const pod = (name: string): Touched => ({ kind: 'pod', pod: podKey({ namespace: 'shop', name }) });
const namespace: Touched = { kind: 'namespace', namespace: 'shop' };

const form = (label: string): NamespaceObject => ({
  kind: 'Namespace',
  metadata: { name: 'shop', namespace: '', uid: '', createdAt: 0, labels: { label }, annotations: {} },
});

describe('a set of keys that changes touched', () => {
  it('has each key once, in the order in which it was touched first', () => {
    const set = new ChangeSet();
    for (const name of ['b', 'a', 'b']) set.add(pod(name));
    assert.deepEqual([...set], [pod('b'), pod('a')]);
    assert.equal(set.size, 2);
    assert.ok(set.has(pod('a')));
    assert.ok(!set.has(pod('c')));
  });

  it('has every form of an object, each once', () => {
    const [first, second, third] = ['1', '2', '3'].map(form);
    const set = new ChangeSet();
    set.addStored(namespace, { before: undefined, after: first });
    set.addStored(namespace, { before: first, after: second });
    set.addStored(namespace, { before: second, after: third });
    assert.deepEqual(set.formsOf(namespace), [first, second, third]);
    assert.deepEqual(set.formsOf(pod('a')), []);
  });

  it('keeps a key whose object is as it was again', () => {
    const [first, second] = ['1', '2'].map(form);
    const set = new ChangeSet();
    set.addStored(namespace, { before: first, after: second });
    set.addStored(namespace, { before: second, after: first });
    assert.deepEqual([...set], [namespace]);
    assert.deepEqual(set.formsOf(namespace), [first, second]);
  });

  it('takes in what came after it, and leaves that as it is', () => {
    const [first, second, third] = ['1', '2', '3'].map(form);
    const set = new ChangeSet();
    set.addStored(namespace, { before: first, after: second });
    const later = new ChangeSet();
    later.add(pod('a'));
    later.addStored(namespace, { before: second, after: third });
    set.merge(later);
    assert.deepEqual([...set], [namespace, pod('a')]);
    assert.deepEqual(set.formsOf(namespace), [first, second, third]);
    assert.deepEqual(later.formsOf(namespace), [second, third]);
  });

  it('takes one key of another set with its forms, and can lose it again', () => {
    const held = form('1');
    const from = new ChangeSet();
    from.addStored(namespace, { before: undefined, after: held });
    from.add(pod('a'));
    const to = new ChangeSet();
    for (const [format, key] of from.entries()) if (key.kind === 'namespace') to.include(from, format);
    to.include(from, 'of nothing');
    assert.deepEqual([...to], [namespace]);
    assert.deepEqual(to.formsOf(namespace), [held]);
    assert.deepEqual(to.keyOf(formatTouched(namespace)), namespace);
    to.delete(formatTouched(namespace));
    assert.equal(to.size, 0);
    assert.equal(from.size, 2);
  });
});
