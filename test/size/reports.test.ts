import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import { ReportStore } from '@isthmus/cluster-agent/publish/report-store.ts';
import { Reports } from '@isthmus/cluster-agent/publish/reports.ts';
import { ChangingCluster } from '../fakes/changing-cluster.ts';
import { objectsOf } from '../fakes/cluster.ts';
import { setOf } from '../cluster-agent/publish/publisher-world.ts';
import { assertScales, type Work } from './doubled.ts';

/** A store that counts how many reports are made for it. */
class CountingStore extends ReportStore {
  made = 0;

  override set: ReportStore['set'] = (type, name, record, encode) => {
    this.made++;
    super.set(type, name, record, encode);
  };
}

const pod = (account: string) => `
apiVersion: v1
kind: Pod
metadata: { name: p-7, namespace: shop, uid: u-7, labels: { app: s-7 } }
spec: { nodeName: n1, serviceAccountName: ${account}, containers: [{}] }
status: { podIP: 10.0.0.7, conditions: [{ type: Ready, status: 'True' }] }
`;

const namespace = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
`;

const services = (size: number) =>
  Array.from(
    { length: size },
    (_, i) => `
apiVersion: v1
kind: Service
metadata: { name: s-${i}, namespace: shop }
spec: { selector: { app: s-${i} }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
`,
  ).join('---');

describe('the size of reports', () => {
  it('are twice as many at first when services are doubled, and as many for a change of a pod', async () => {
    const work = async (size: number): Promise<Work> => {
      const objects = objectsOf(`${namespace}---${services(size)}---${pod('one')}`);
      const cluster = new ChangingCluster(objects.values());
      const store = new CountingStore(() => undefined);
      const reports = new Reports({ input: () => cluster.input, store, onHealth: () => undefined });
      const publish = (keys: ReturnType<typeof setOf>) =>
        reports.published({ keys, changed: new Map(), bulk: new Set() });
      publish(setOf({ kind: 'synced' }));
      const firstSync = store.made;
      const [object] = objectsOf(pod('other')).values() as Iterable<ClusterObject> as [ClusterObject];
      await cluster.apply([{ kind: 'object', object }]);
      publish(cluster.update());
      return { firstSync, change: store.made - firstSync };
    };
    const [once, twice] = [await work(500), await work(1000)];
    assertScales((size) => (size === 500 ? once : twice), 500);
  });
});
