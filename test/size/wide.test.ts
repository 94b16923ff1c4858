import assert from 'node:assert/strict';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import { strictKey } from '@isthmus/cluster-agent/translate/peer-authentications.ts';
import { walkLimits } from '@isthmus/cluster-agent/translate/walks.ts';
import { ChangingCluster } from '../fakes/changing-cluster.ts';
import { aRemote, objectsOf } from '../fakes/cluster.ts';
import { anAuthorization } from '../fakes/records.ts';

const pod = (i: number, account = 'app') => `
apiVersion: v1
kind: Pod
metadata: { name: p-${i}, namespace: shop, uid: u-${i}, labels: { app: cart } }
spec: { nodeName: n1, serviceAccountName: ${account}, containers: [{}] }
status: { podIP: 10.1.${Math.floor(i / 250)}.${i % 250}, conditions: [{ type: Ready, status: 'True' }] }
`;

/** A policy of the hub that selects all pods of the namespace. */
const policy = {
  name: 'all',
  revision: 1,
  target: { namespace: 'shop', labels: {} },
  authorization: anAuthorization({ name: 'all', scope: 'WORKLOAD_SELECTOR' }),
};

const clusterOf = (pods: number) =>
  new ChangingCluster(objectsOf(Array.from({ length: pods }, (_, i) => pod(i)).join('---')).values());

const service = `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Node
metadata: { name: n1 }
`;

const evaluationsOf = ({ pipeline }: ChangingCluster) =>
  [...pipeline.evaluations.values()].reduce((sum, one) => sum + one, 0);

describe('a policy that selects every pod', () => {
  it('of 1,000 is worked out 256 pods a turn, and another change waits for one turn of it', async () => {
    const cluster = clusterOf(1_000);
    await cluster.apply([{ kind: 'hub', resource: { type: 'policy', name: 'all', value: policy } }]);
    const { pipeline } = cluster;
    let before = evaluationsOf(cluster);
    const counted = () => {
      const now = evaluationsOf(cluster);
      const count = now - before;
      before = now;
      return count;
    };
    pipeline.update(cluster.takePending(), 0);
    assert.ok(counted() <= 3 * walkLimits.narrow + 10);
    let turns = 0;
    for (; pipeline.nextPart !== undefined; turns++) {
      pipeline.part(0);
      // Of each pod its policies, its workload and whether that is withdrawn.
      assert.ok(counted() <= 3 * walkLimits.part);
      pipeline.update(new ChangeSet(), 0);
    }
    assert.equal(turns, 4);
  });

  it('stays until every workload that named it is worked out again when it is gone', async () => {
    const cluster = clusterOf(500);
    const { pipeline } = cluster;
    const send = async (value: typeof policy | undefined, now: number) => {
      await cluster.apply([{ kind: 'hub', resource: { type: 'policy', name: 'all', value } }]);
      pipeline.update(cluster.takePending(), now);
    };
    const found = () => [
      [...pipeline.snapshot.workloads.values()].filter((one) => one.authorizationPolicies.length > 0).length,
      pipeline.snapshot.authorizations.size,
    ];
    await send(policy, 0);
    assert.deepEqual(found(), [200, 1]);
    pipeline.part(0);
    pipeline.part(0);
    assert.deepEqual(found(), [500, 1]);
    await send(undefined, 5000);
    assert.deepEqual(found(), [300, 1]);
    pipeline.part(5000);
    assert.deepEqual(found(), [44, 1]);
    pipeline.part(5000);
    assert.deepEqual(found(), [0, 0]);
  });
});

/** A PeerAuthentication of the pods, with a port that is not as the others. */
const peer = (ports: string) => `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: cart, namespace: shop }
spec: { selector: { matchLabels: { app: cart } }, mtls: { mode: STRICT }${ports} }
`;

describe('a policy that was made of a PeerAuthentication', () => {
  const exceptional = peer(', portLevelMtls: { 8080: { mode: PERMISSIVE } }');
  for (const [what, text, name, change] of [
    ['of its ports', exceptional, 'shop/converted_peer_authentication_cart', 'object'],
    ['that is STRICT', peer(''), strictKey, 'removed'],
  ] as const)
    it(`${what} stays until no workload names it any more`, async () => {
      const pods = Array.from({ length: 500 }, (_, i) => pod(i));
      const cluster = new ChangingCluster(objectsOf([text, ...pods].join('---')).values());
      const { pipeline } = cluster;
      const found = () => [
        [...pipeline.snapshot.workloads.values()].filter((one) => one.authorizationPolicies.includes(name))
          .length,
        pipeline.snapshot.authorizations.has(name),
      ];
      assert.deepEqual(found(), [500, true]);
      for (const object of objectsOf(peer('')).values()) await cluster.apply([{ kind: change, object }]);
      pipeline.update(cluster.takePending(), 5000);
      assert.deepEqual(found(), [300, true]);
      pipeline.part(5000);
      assert.deepEqual(found(), [44, true]);
      pipeline.part(5000);
      assert.deepEqual(found(), [0, false]);
    });
});

describe('a traffic shift that takes all clients away from the pods of a service', () => {
  it('is at work for as long as pods are left that clients do not leave alone', async () => {
    const pods = Array.from({ length: 500 }, (_, i) => pod(i));
    const cluster = new ChangingCluster(objectsOf([service, ...pods].join('---')).values());
    const { pipeline } = cluster;
    const ref = { namespace: 'shop', name: 'cart' };
    const shift = { id: 'd', cluster: 'east', percent: 100, services: [], remoteOnly: false };
    await cluster.apply([
      {
        kind: 'hub',
        resource: { type: 'grant', name: 'cart', value: { ...ref, clusters: ['west'] } },
      },
      { kind: 'hub', resource: { type: 'remote', name: 'cart', value: aRemote(ref) } },
    ]);
    cluster.update();
    await cluster.apply([
      { kind: 'hub', resource: { type: 'diversion', name: 'd', value: { ...shift, deadline: undefined } } },
    ]);
    pipeline.update(cluster.takePending(), 9000);
    const found: unknown[] = [];
    const isWalking = () => [
      pipeline.isWalking({ kind: 'withdrawal', service: serviceKeyOf(ref) }),
      pipeline.isWalkingAny('withdrawal'),
    ];
    for (; pipeline.nextPart !== undefined; pipeline.part(9000))
      found.push([pipeline.snapshot.withdrawn.size, ...isWalking()]);
    assert.deepEqual(found, [
      [200, true, true],
      [456, true, true],
    ]);
    assert.equal(pipeline.snapshot.withdrawn.size, 500);
    assert.deepEqual(isWalking(), [false, false]);
  });
});
