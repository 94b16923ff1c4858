import assert from 'node:assert/strict';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import { readManifests } from '@isthmus/cluster-agent/source/files/read-file.ts';

const objectsOf = (text: string): ReadonlyMap<string, ClusterObject> => {
  const { objects, rejections } = readManifests(text, 'a.yaml');
  assert.deepEqual(rejections, []);
  return new Map([...objects].map(([id, { object }]) => [id, object]));
};

describe('a file with merge keys', () => {
  const file = `
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: ServiceAccount
  metadata: &shared { name: till, namespace: market, labels: &labels { app: till, tier: back } }
- apiVersion: security.istio.io/v1
  kind: AuthorizationPolicy
  metadata: { <<: *shared, name: closed }
  spec: { action: DENY, rules: [{ from: [{ source: &source { namespaces: [bank] } }, { source: { <<: *source, notPrincipals: ["*"] } }] }] }
- apiVersion: v1
  kind: Pod
  metadata: { <<: *shared, name: till-1 }
  spec:
    <<: [{ nodeName: n1, serviceAccountName: special }, { serviceAccountName: other }]
    containers:
    - &container { name: a, ports: [{ containerPort: 8080 }] }
    - { <<: *container, name: b, ports: [{ containerPort: 9090 }] }
- apiVersion: v1
  kind: Service
  metadata: { <<: *shared }
  spec:
    <<: { selector: { <<: *labels, tier: front } }
    ports: [{ name: http, port: 80, targetPort: 8080 }]
`;
  const objects = objectsOf(file);

  it('puts a policy into the namespace that is merged', () => {
    const policy = objects.get('AuthorizationPolicy/market/closed');
    assert.ok(policy?.kind === 'AuthorizationPolicy');
    assert.deepEqual(
      policy.rules[0]?.from?.map(({ fields: { namespaces, principals } }) => [
        namespaces?.values,
        principals?.notValues,
      ]),
      [
        [['bank'], undefined],
        [['bank'], ['*']],
      ],
    );
  });

  it('gives a pod the account, the node and the ports that are merged', () => {
    const pod = objects.get('Pod/market/till-1');
    assert.ok(pod?.kind === 'Pod');
    assert.deepEqual(
      [pod.nodeName, pod.serviceAccount, pod.ports.map(({ port }) => port)],
      ['n1', 'special', [8080, 9090]],
    );
  });

  it('gives a service the selector that is merged from two places', () => {
    const service = objects.get('Service/market/till');
    assert.ok(service?.kind === 'Service');
    assert.deepEqual(service.selector, { app: 'till', tier: 'front' });
  });

  it('tells where a merge key overrides what stands before it, as it does for kubectl', () => {
    const { objects: taken, rejections } = readManifests(
      'apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: mine, <<: { name: theirs } }',
      'a.yaml',
    );
    assert.deepEqual([...taken.keys()], ['ServiceAccount/default/theirs']);
    assert.deepEqual(
      rejections.map(({ code, severity, field, line }) => [code, severity, field, line]),
      [['MERGE_KEY_WINS', 'WARNING', 'name', 1]],
    );
  });
});

describe('a list', () => {
  const account = (name: string) => `{ apiVersion: v1, kind: ServiceAccount, metadata: { name: ${name} } }`;

  it('of any kind stands for its items, also in another list', () => {
    const inner = `{ apiVersion: v1, kind: List, items: [${account('b')}] }`;
    const text = `apiVersion: v1\nkind: ServiceAccountList\nitems: [${account('a')}, ${inner}]`;
    assert.deepEqual([...objectsOf(text).keys()], ['ServiceAccount/default/a', 'ServiceAccount/default/b']);
  });

  it('gives its kind and version to items that have none, as the API server writes them', () => {
    const text =
      'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicyList\nitems: [{ metadata: { name: a }, spec: {} }]';
    assert.deepEqual([...objectsOf(text).keys()], ['AuthorizationPolicy/default/a']);
  });

  it('that is empty or null stands for nothing', () => {
    assert.equal(objectsOf('apiVersion: v1\nkind: List\nitems: []').size, 0);
  });
});

describe('a file of many documents', () => {
  const documents = (count: number) => '--- a\n'.repeat(count);
  it('is read up to 10,000 of them; one more refuses the file with the number and the limit', () => {
    for (const count of [9_999, 10_000])
      assert.equal(readManifests(documents(count), 'a.yaml').rejections[0]?.code, 'NO_OBJECT');
    const { broken, rejections } = readManifests(documents(10_001), 'a.yaml');
    assert.equal(broken, true);
    assert.deepEqual(
      rejections.map(({ code, object, message }) => [code, object, message]),
      [['UNREADABLE_FILE', 'a.yaml', 'has 10001 documents, more than 10000: split it']],
    );
  });
});
