import assert from 'node:assert/strict';
import { until } from '../fakes/agent.ts';
import { startTestHub } from '../fakes/hub.ts';
import { OneNodeCluster } from '../fakes/one-node-cluster.ts';

describe('the namespaces of a cluster, from the hub to a real ztunnel', () => {
  it('are enforced as an operator sets them, without new certificates', async () => {
    const hub = await startTestHub();
    const east = new OneNodeCluster('east', hub);
    const allow = async (namespaces: readonly string[] | null) => {
      const { data } = await hub.ask<{ result: { userErrors: object[] } }>(
        'mutation($input: SetClusterNamespacesInput!) { result: setClusterNamespaces(input: $input) { userErrors { message } } }',
        { input: { cluster: 'east', namespaces } },
      );
      assert.deepEqual(data!.result.userErrors, []);
    };
    try {
      await east.newToken();
      await east.startAgent();
      await east.startProxy();
      await until(() => east.call());
      await allow(['pay']);
      await until(async () => !(await east.call()));
      await allow(['shop', 'pay']);
      await until(() => east.call());
      await allow(null);
      await until(() => east.call());
    } finally {
      await east.stop();
      hub.stop();
    }
  });
});
