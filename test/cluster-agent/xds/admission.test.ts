import assert from 'node:assert/strict';
import { countsAsProxy, refusalOf } from '@isthmus/cluster-agent/xds/admission.ts';
import { parseProxyClient } from '@isthmus/cluster-agent/xds/proxy-client.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { inputOf } from '../../fakes/cluster.ts';

const pod = (namespace: string, name: string, account: string, labels = 'a: b') => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, uid: u-${name}, labels: { ${labels} } }
spec: { nodeName: n, serviceAccountName: ${account}, containers: [{}] }
`;

const input = inputOf(`
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Service
metadata: { name: gw, namespace: istio-system, labels: { topology.istio.io/network: network-east } }
spec: { selector: { app: gw }, ports: [{ port: 15008 }] }
${pod('istio-system', 'ztunnel-1', 'ztunnel')}
${pod('istio-system', 'gw-1', 'gw', 'app: gw')}
${pod('shop', 'cart', 'cart')}
${pod('shop', 'side', 'side', "sidecar.istio.io/inject: 'true'")}
${pod('other', 'stranger', 'stranger')}
`);

function refusal(kind: string, namespace: string, name: string, uid = `u-${name}`) {
  const caller = { namespace, pod: { name, uid } };
  const client = parseProxyClient(
    { id: `${kind}~1.1.1.1~${name}.${namespace}~d`, cluster: '', metadata: {} },
    caller,
  );
  assert.ok(client.ok);
  return refusalOf(input, client.value, caller);
}

describe('a proxy’s stream', () => {
  const admitted: readonly (readonly [string, string, string])[] = [
    ['ztunnel', 'istio-system', 'ztunnel-1'],
    ['ztunnel', 'shop', 'cart'],
    ['router', 'istio-system', 'gw-1'],
    ['sidecar', 'shop', 'side'],
  ];
  for (const [kind, namespace, name] of admitted)
    it(`is had by ${namespace}/${name} as ${kind}`, () =>
      assert.equal(refusal(kind, namespace, name), undefined));

  const counted: Record<string, readonly [string, string, string, boolean]> = {
    'a node’s proxy': ['ztunnel', 'istio-system', 'ztunnel-1', true],
    'a gateway': ['router', 'istio-system', 'gw-1', true],
    'the sidecar of a pod': ['sidecar', 'shop', 'side', true],
    'a pod with a stream of its own, which any user may create': ['ztunnel', 'shop', 'cart', false],
    'a pod that is gone': ['ztunnel', 'shop', 'nobody', false],
  };
  for (const [what, [kind, namespace, name, counts]] of Object.entries(counted))
    it(`${counts ? 'counts' : 'does not count'} towards coverage where it is that of ${what}`, () => {
      const node = { id: `${kind}~1.1.1.1~${name}.${namespace}~d`, cluster: '', metadata: {} };
      const client = parseProxyClient(node, { namespace, pod: { name, uid: `u-${name}` } });
      assert.ok(client.ok);
      assert.equal(countsAsProxy(input, client.value), counts);
    });

  const refused: Record<string, [readonly [string, string, string, string?], RegExp]> = {
    'a pod outside the mesh': [['ztunnel', 'other', 'stranger'], /is not served by a ztunnel: check --mode/],
    'an ambient pod as a sidecar': [['sidecar', 'shop', 'cart'], /is not served by a sidecar: check --mode/],
    'a pod as a gateway': [['router', 'shop', 'cart'], /is not served by a router: check --mode/],
    'a ztunnel as a gateway': [
      ['router', 'istio-system', 'ztunnel-1'],
      /is not served by a router: check --mode/,
    ],
    'a pod that is not here': [['ztunnel', 'shop', 'nobody'], /not in this cluster/],
    'an earlier pod of the name': [['ztunnel', 'shop', 'cart', 'u-earlier'], /not in this cluster/],
  };
  for (const [name, [given, message]] of Object.entries(refused))
    it(`is not had by ${name}`, () => assert.match(refusal(...given) ?? 'it is', message));

  it('is refused to no client before the cluster is listed, as nothing is sent until then', () => {
    const caller = { namespace: 'shop', pod: { name: 'nobody', uid: 'u' } };
    const client = parseProxyClient({ id: 'ztunnel~1~.~d', cluster: '', metadata: {} }, caller);
    assert.ok(client.ok);
    assert.equal(refusalOf({ ...input, view: new ClusterView() }, client.value, caller), undefined);
  });
});
