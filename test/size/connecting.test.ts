import assert from 'node:assert/strict';
import { clientId } from '@isthmus/cluster-agent/keys/names.ts';
import type { ClusterChange } from '../fakes/arbitrary-changes.ts';
import { ChangingCluster } from '../fakes/changing-cluster.ts';
import { objectsOf } from '../fakes/cluster.ts';

const pods = 50;
const aPod = (namespace: string, name: string, account: string, ip: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, uid: u-${name} }
spec: { nodeName: n1, serviceAccountName: ${account}, containers: [{}] }
status: { podIP: ${ip}, conditions: [{ type: Ready, status: 'True' }] }
`;
const text = [
  'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }',
  'apiVersion: v1\nkind: Node\nmetadata: { name: n1 }',
  aPod('istio-system', 'z', 'ztunnel', '10.2.0.1'),
  ...Array.from({ length: pods }, (_, i) => aPod('shop', `p-${i}`, 'app', `10.1.0.${i}`)),
].join('\n---\n');
const client = clientId('ztunnel', { namespace: 'istio-system', name: 'z' });

describe('the size of a first sync of a proxy', () => {
  it('is a judgement of each pod as it connects and as it answers, and no workload of one that stays unhealthy', async () => {
    const cluster = new ChangingCluster(objectsOf(text).values());
    const evaluated = (): Readonly<Record<string, number>> =>
      Object.fromEntries(cluster.pipeline.evaluations);
    let before = evaluated();
    const counted = async (...batch: readonly ClusterChange[]) => {
      await cluster.apply(batch);
      cluster.update();
      const now = evaluated();
      const of = (name: string) => (now[name] ?? 0) - (before[name] ?? 0);
      const counts = { verdict: of('verdict'), endpoint: of('endpoint'), workload: of('workload') };
      before = now;
      return counts;
    };
    const taken = Array.from({ length: pods }, (_, i): ClusterChange => {
      return { kind: 'answered', client, pod: `shop/p-${i}`, refused: false };
    });
    const opened: ClusterChange = { kind: 'opened', client, version: '0.1.0', returned: false };
    assert.deepEqual(await counted(opened), { verdict: pods, endpoint: 0, workload: 0 });
    assert.deepEqual(await counted(...taken), { verdict: pods, endpoint: 0, workload: 0 });
  });
});
