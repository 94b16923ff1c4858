import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../fakes/agent.ts';
import { startTestHub } from '../fakes/hub.ts';
import { OneNodeCluster } from '../fakes/one-node-cluster.ts';

const policy = (app: string) => `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: typo, namespace: shop }
spec: { selector: { matchLabels: { app: ${app} } }, action: DENY, rules: [{ to: [{ operation: { ports: ['1'] } }] }] }
`;

describe("a policy in a cluster's folder that selects nothing", () => {
  it('is among the insights of the hub until it is corrected', async () => {
    const hub = await startTestHub();
    const east = new OneNodeCluster('east', hub);
    const file = join(east.dir, 'manifests', 'policy.yaml');
    const found = async () => {
      const { data } = await hub.ask<{ insights: { nodes: { reason: string; object: string }[] } }>(
        '{ insights(first: 100, cluster: "east") { nodes { reason object } } }',
      );
      return data!.insights.nodes.filter(({ object }) => object.startsWith('AuthorizationPolicy'));
    };
    try {
      await east.newToken();
      writeFileSync(file, policy('carrt'));
      await east.startAgent();
      const conditions = await until(async () => {
        const some = await found();
        return some.length > 0 && some;
      });
      assert.deepEqual(conditions, [{ reason: 'SELECTS_NOTHING', object: 'AuthorizationPolicy shop/typo' }]);
      writeFileSync(file, policy('cart'));
      await until(async () => (await found()).length === 0);
      rmSync(file);
    } finally {
      await east.stop();
      hub.stop();
    }
  });
});
