import assert from 'node:assert/strict';
import type { ExportGrant } from '@isthmus/api/domain/directive.ts';
import { grantedClusters } from '../../../cluster-agent/view/granted-clusters.ts';

describe('the clusters that may reach a service', () => {
  const members = new Map(['west', 'east', 'south'].map((cluster) => [cluster, { cluster }]));
  const granted = (over?: Partial<ExportGrant>) =>
    grantedClusters({ members }, 'east', over && { namespace: 'shop', name: 'cart', clusters: [], ...over });

  it('are none without a grant, and none of a grant that names nobody', () => {
    assert.deepEqual([granted(), granted({})], [[], []]);
  });

  it('are the clusters that an earlier hub names in the grant, in order', () => {
    assert.deepEqual(granted({ clusters: ['west', 'north'] }), ['north', 'west']);
  });

  it('are all members but the cluster itself where the grant says so, beside those that it names', () => {
    assert.deepEqual(granted({ members: true }), ['south', 'west']);
    assert.deepEqual(granted({ members: true, clusters: ['north', 'west'] }), ['north', 'south', 'west']);
  });
});
