import assert from 'node:assert/strict';
import { usedKinds } from '@isthmus/api/kubernetes/kinds.ts';
import { watched } from '@isthmus/cluster-agent/source/kubernetes/watched.ts';

describe('the kinds that an agent follows in Kubernetes', () => {
  it('are those that are decoded, each once', () => {
    const named = ({ group, kind }: { readonly group: string; readonly kind: string }) => `${group}/${kind}`;
    assert.deepEqual(watched.map(({ resource }) => named(resource)).sort(), usedKinds().map(named).sort());
  });
});
