import fc from 'fast-check';
import { walkLimits } from '@isthmus/cluster-agent/translate/walks.ts';
import { clusterChanges } from '../../fakes/arbitrary-changes.ts';
import { ChangingCluster } from '../../fakes/changing-cluster.ts';
import { objectsOf } from '../../fakes/cluster.ts';

/** Changes meet something from the first on. */
const start = objectsOf(`
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: { topology.istio.io/network: network-east } }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Node
metadata: { name: n1, labels: { topology.kubernetes.io/region: a, topology.kubernetes.io/zone: a } }
---
apiVersion: v1
kind: Pod
metadata: { name: z1, namespace: istio-system, uid: u-istio-system-z1-0 }
spec: { nodeName: n1, serviceAccountName: ztunnel, containers: [{}] }
status: { podIP: 10.0.0.9, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Pod
metadata: { name: p1, namespace: shop, uid: u-shop-p1-0, labels: { app: cart } }
spec: { nodeName: n1, serviceAccountName: cart, containers: [{ ports: [{ name: web, containerPort: 8080 }] }] }
status: { podIP: 10.0.0.1, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: web }] }
`);

describe('what is derived from changes', () => {
  const ways = {
    'at once': walkLimits,
    'part by part, where a change reaches much': { narrow: 1, part: 2, rest: 1000 },
  };
  for (const [way, limits] of Object.entries(ways))
    it(`${way} is, resource for resource, what follows from everything that there is`, async function () {
      this.timeout(60_000);
      await fc.assert(
        fc.asyncProperty(clusterChanges, async (batches) => {
          const cluster = new ChangingCluster(start.values(), limits);
          cluster.check();
          for (const batch of batches) {
            await cluster.apply(batch);
            cluster.check();
          }
        }),
        { numRuns: 40 },
      );
    });
});
