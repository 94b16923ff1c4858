import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { objectId } from '@isthmus/api/kubernetes/objects.ts';
import { gatewayReports } from '@isthmus/cluster-agent/translate/gateways.ts';
import { clusterReport } from '@isthmus/cluster-agent/translate/report.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { serviceReports } from '../../fakes/service-reports.ts';
import { aGateway, aRemote, derivedFrom, inputOf, objectsOf, remotes } from '../../fakes/cluster.ts';
import { assertSameSnapshot } from '../../fakes/same-snapshot.ts';

const more = `
---
apiVersion: v1
kind: Node
metadata: { name: east-b, labels: { topology.kubernetes.io/region: region-b, topology.kubernetes.io/zone: b-1 } }
---
apiVersion: v1
kind: Pod
metadata: { name: cart-2, namespace: shop, labels: { app: cart } }
spec: { nodeName: east-b, serviceAccountName: cart-2, containers: [{}] }
status: { podIP: 127.7.17.9, conditions: [{ type: Ready, status: 'True' }] }
---
apiVersion: v1
kind: Service
metadata: { name: cart-admin, namespace: shop }
spec: { selector: { app: cart }, ports: [{ name: http, port: 81, targetPort: web }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: legacy-2, namespace: shop, labels: { kubernetes.io/service-name: legacy } }
ports: [{ name: db, port: 15433 }, { name: db, port: 15434 }]
endpoints: [{ addresses: [10.0.0.8], targetRef: { kind: Pod, name: cart } }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: legacy-3, namespace: shop, labels: { kubernetes.io/service-name: legacy } }
ports: [{ name: db, port: 15435 }]
endpoints: [{ addresses: [10.0.0.8], targetRef: { kind: Pod, name: cart } }]
`;
const text = readFileSync(join(import.meta.dirname, '../../golden/cluster.yaml'), 'utf8') + more;
const drain = { cluster: 'east', percent: 50, services: [], remoteOnly: false, deadline: undefined };
const far = ['north', 'west', 'west-2'].map((cluster, i) =>
  aRemote({
    name: 'far',
    cluster,
    ports: [{ name: 'http', port: 8080 + i, targetPort: 80, appProtocol: '' }],
    gateways: [aGateway({ region: cluster })],
  }),
);
const base = inputOf(text, {
  remotes: remotes(...far, aRemote({ name: 'cart' }), aRemote({ name: 'cart', cluster: 'north' })),
  trafficShifts: new Map(['d', 'e'].map((id) => [id, { id, ...drain }])),
});

const shuffled = <T>(all: Iterable<T>): fc.Arbitrary<T[]> => {
  const list = [...all];
  return fc.shuffledSubarray(list, { minLength: list.length });
};

describe('the order in which objects and resources are read', () => {
  it('says nothing in what is sent to proxies, nor in what is reported', () => {
    const reports = (input: typeof base) =>
      JSON.stringify([
        clusterReport(input, '0', []),
        [...serviceReports(input)].sort(([a], [b]) => (a < b ? -1 : 1)),
        [...gatewayReports(input)],
        input.derived.health(),
      ]);
    const world = fc.tuple(
      shuffled(objectsOf(text).values()),
      shuffled(base.hub.remotes),
      shuffled(base.hub.trafficShifts),
      shuffled(base.hub.grants),
    );
    fc.assert(
      fc.property(world, ([objects, remote, trafficShifts, grants]) => {
        const view = new ClusterView();
        view.apply(
          objects.map((object) => ({ type: 'upsert', id: objectId(object.kind, object.metadata), object })),
        );
        const hub = {
          ...base.hub,
          remotes: new Map(remote),
          trafficShifts: new Map(trafficShifts),
          grants: new Map(grants),
        };
        const input = derivedFrom({ ...base, view, hub });
        assertSameSnapshot(input.derived.snapshot, base.derived.snapshot);
        assert.equal(reports(input), reports(base));
      }),
      { numRuns: 50 },
    );
  });
});
