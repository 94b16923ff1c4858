import assert from 'node:assert/strict';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { readManifests } from '../../../cluster-agent/source/files/read-file.ts';
import { ClusterView } from '../../../cluster-agent/view/cluster-view.ts';
import { provenWhenReady, translate } from '../../fakes/cluster.ts';
import { emptyHubView } from '../../../cluster-agent/view/hub-view.ts';

const slice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: legacy-1, namespace: shop, labels: { kubernetes.io/service-name: legacy } }
ports: [{ name: db, port: 5432 }]
endpoints:
  - { addresses: [10.0.0.7], conditions: { ready: true } }
  - { addresses: [10.0.0.8], conditions: { ready: false } }
`;

const service = (selector: string) => `
apiVersion: v1
kind: Service
metadata: { name: legacy, namespace: shop }
spec: { ports: [{ name: db, port: 15432, targetPort: 5432 }]${selector} }
---${slice}`;

function workloadsOf(text: string) {
  const view = new ClusterView();
  const { objects, rejections } = readManifests(text, 'a.yaml');
  assert.deepEqual(rejections, []);
  view.apply([...objects].map(([id, { object }]) => ({ type: 'upsert', id, object })));
  const input = {
    cluster: 'east',
    trustDomain: defaultTrustDomain,
    view,
    hub: emptyHubView,
    serviceConditions: () => [],
    now: 0,
    upstreamZtunnels: new Set<string>(),
    health: provenWhenReady,
  };
  return [...translate(input).workloads.values()];
}

describe('EndpointSlices', () => {
  it('give a service without a selector its endpoints, with their health', () => {
    const workloads = workloadsOf(service(''));
    assert.deepEqual(
      workloads.map(({ uid, status, transport, services }) => ({
        uid,
        status,
        transport,
        ports: [...services.values()][0],
      })),
      ['10.0.0.7', '10.0.0.8'].map((address, i) => ({
        uid: `east/discovery.k8s.io/EndpointSlice/shop/legacy-1/${address}`,
        status: i === 0 ? 'HEALTHY' : 'UNHEALTHY',
        transport: 'plaintext',
        ports: [{ servicePort: 15_432, targetPort: 5432 }],
      })),
    );
  });

  it('are not read for a service that selects its pods', () => {
    assert.deepEqual(workloadsOf(service(', selector: { app: legacy }')), []);
  });
});
