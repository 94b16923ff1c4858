import assert from 'node:assert/strict';
import { serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import { inputOf } from '../../fakes/cluster.ts';

const service = (spec: string, namespace = 'shop') => `
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: ${namespace} }
spec: { ${spec} }
`;
const selecting = service('selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: web }]');
const entry = (spec: string, metadata = '') => `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: machine, namespace: shop${metadata} }
spec: { labels: { app: cart }, ports: { web: 8080 }, ${spec} }
`;
const network = (name: string) => `
---
apiVersion: v1
kind: Namespace
metadata: { name: istio-system, labels: { topology.istio.io/network: ${name} } }
`;
const cart = serviceKeyOf({ namespace: 'shop', name: 'cart' });

function translated(text: string) {
  const { derived } = inputOf(text);
  const workload = derived.snapshot.workloads.get('east/networking.istio.io/WorkloadEntry/shop/machine');
  return { derived, workload };
}

describe('a WorkloadEntry', () => {
  it('is a workload of the Services that select it, at the port that it calls by the name of their target port', () => {
    const { workload, derived } = translated(selecting + entry('address: 10.20.0.5, weight: 2'));
    assert.deepEqual(
      [workload?.addresses, workload?.transport, workload?.capacity, workload?.status],
      [['10.20.0.5'], 'plaintext', 2000, 'HEALTHY'],
    );
    assert.deepEqual(workload?.services, new Map([[cart, [{ servicePort: 80, targetPort: 8080 }]]]));
    assert.deepEqual(derived.groups(cart), [
      { region: '', zone: '', transport: 'plaintext', total: 1, healthy: 1 },
    ]);
    assert.deepEqual(derived.identities(cart), []);
  });

  const ports: Record<string, [string, number | undefined]> = {
    'a number stands for itself': ['targetPort: 9090', 9090],
    'without a target port the port itself': ['', 80],
    'a name that it does not have is not served': ['targetPort: other', undefined],
  };
  for (const [name, [target, expected]] of Object.entries(ports))
    it(`serves a Service's port: ${name}`, () => {
      const text = service(`selector: { app: cart }, ports: [{ port: 80, ${target} }]`);
      const { workload } = translated(text + entry('address: 10.20.0.5'));
      assert.equal(workload?.services.get(cart)?.[0]?.targetPort, expected);
    });

  const notSelected: Record<string, string> = {
    'without a selector': service('ports: [{ port: 80 }]'),
    'of another namespace': service('selector: { app: cart }, ports: [{ port: 80 }]', 'bank'),
    'that selects something else': service('selector: { app: pay }, ports: [{ port: 80 }]'),
  };
  for (const [name, text] of Object.entries(notSelected))
    it(`is not behind a Service ${name}`, () =>
      assert.equal(translated(text + entry('address: 10.20.0.5')).workload?.services.size, 0));

  it('that takes HBONE has the identity of its service account', () => {
    const mark = ', labels: { networking.istio.io/tunnel: http }';
    const { workload, derived } = translated(
      selecting + entry('address: 10.20.0.5, serviceAccount: cart', mark),
    );
    assert.equal(workload?.transport, 'hbone');
    assert.deepEqual(derived.identities(cart), ['spiffe://cluster.local/ns/shop/sa/cart']);
  });

  it('of another network keeps that network, and is no endpoint that this cluster counts', () => {
    const { workload, derived } = translated(
      selecting + network('network-east') + entry('address: 10.20.0.5, network: network-b'),
    );
    assert.equal(workload?.network, 'network-b');
    // It is not found by its address, which may be that of a gateway there.
    assert.equal(workload.hostNetwork, true);
    assert.equal(workload.services.size, 1);
    assert.deepEqual(derived.groups(cart), []);
  });

  it('that names no network is in that of the cluster', () => {
    const { workload, derived } = translated(
      selecting + network('network-east') + entry('address: 10.20.0.5'),
    );
    assert.equal(workload?.network, 'network-east');
    assert.equal(derived.groups(cart).length, 1);
  });

  it('with a host name has it for those who resolve it, and is no endpoint that is counted', () => {
    const { workload, derived } = translated(selecting + entry('address: vm.example.com'));
    assert.deepEqual([workload?.hostname, workload?.addresses], ['vm.example.com', []]);
    assert.deepEqual(derived.groups(cart), []);
  });

  it('without anything that could be dialled is no workload', () =>
    assert.equal(translated(selecting + entry('network: b')).workload, undefined));
});
