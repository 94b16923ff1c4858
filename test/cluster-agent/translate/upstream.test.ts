import assert from 'node:assert/strict';
import { Problems } from '@isthmus/cluster-agent/health/problems.ts';
import { podKey, serviceKeyOf, type ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import { UpstreamZtunnels } from '@isthmus/cluster-agent/xds/upstream-ztunnels.ts';
import { aRemote, inputOf, outputsOf, remotes, translate } from '../../fakes/cluster.ts';

const pod = (name: string, node: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: cart } }
spec: { nodeName: ${node}, containers: [{ ports: [{ containerPort: 80 }] }] }
status: { podIP: 10.0.0.${name.length}, conditions: [{ type: Ready, status: 'True' }] }
---`;
const manifests = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Pod
metadata: { name: ztunnel-b, namespace: istio-system, labels: { app: ztunnel } }
spec: { nodeName: b, serviceAccountName: ztunnel, containers: [{}] }
status: { podIP: 10.0.0.99 }
---${pod('a', 'a')}${pod('aa', 'a')}${pod('bbb', 'b')}
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { selector: { app: cart }, ports: [{ port: 80 }] }
`;

describe('pods behind Istio’s own ztunnel', () => {
  const input = (...upstreamZtunnels: readonly string[]) => ({
    ...inputOf(manifests, {
      grants: new Map([['shop/cart', { namespace: 'shop', name: 'cart', clusters: ['west'] }]]),
    }),
    upstreamZtunnels: new Set(upstreamZtunnels),
  });
  const classic = (...upstream: readonly string[]) =>
    [...translate(input(...upstream)).workloads.values()]
      .filter(({ classicClients }) => classicClients)
      .map(({ name }) => name);

  it('take no classic sidecars: a pod that has one of its own, and those of a node that has one', () => {
    assert.deepEqual(classic(), ['a', 'aa', 'bbb']);
    assert.deepEqual(classic('shop/a'), ['aa', 'bbb']);
    assert.deepEqual(classic('istio-system/ztunnel-b'), ['a', 'aa']);
  });

  it('that ztunnel serves a pod which has proven it, where a node has two', () => {
    const two = manifests.replace(
      'name: ztunnel-b, namespace: istio-system,',
      "name: ztunnel-b, namespace: istio-system, creationTimestamp: '2025-01-01T00:00:00Z',",
    );
    const ours = `
apiVersion: v1
kind: Pod
metadata: { name: ztunnel-a, namespace: istio-system, creationTimestamp: '2024-01-01T00:00:00Z' }
spec: { nodeName: b, serviceAccountName: ztunnel, containers: [{}] }
`;
    for (const text of [`${two}---${ours}`, `${ours}---${two}`])
      for (const [provenBy, expected] of [
        [undefined, true],
        ['ztunnel/istio-system/ztunnel-a' as ClientId, false],
        ['ztunnel/istio-system/ztunnel-b' as ClientId, true],
      ] as const) {
        const verdict = { problem: undefined, stale: undefined, provenBy, until: Infinity };
        const asked = {
          ...inputOf(text),
          upstreamZtunnels: new Set(['istio-system/ztunnel-b']),
          health: { of: () => verdict, problems: new Problems() },
        };
        const served = asked.view.get('Pod', 'shop', 'bbb');
        const { place } = outputsOf(asked).endpoint(podKey(served!.metadata))!;
        assert.equal(place.hboneOnly ?? false, expected, provenBy);
      }
  });

  it('are a group of their own in reports to other clusters', () => {
    const asked = input('istio-system/ztunnel-b');
    const [service] = asked.view.all('Service');
    assert.deepEqual(
      outputsOf(asked)
        .groups(serviceKeyOf(service!.metadata))
        .map(({ healthy, hboneOnly }) => [healthy, hboneOnly]),
      [
        [2, undefined],
        [1, true],
      ],
    );
  });

  it('are entered from elsewhere with HBONE alone', () => {
    const group = { region: 'r', zone: 'z', transport: 'hbone' as const, total: 1, healthy: 1 };
    const far = aRemote({ name: 'far', groups: [group, { ...group, hboneOnly: true }] });
    const { workloads } = translate(inputOf(manifests, { remotes: remotes(far) }));
    const entries = [...workloads.values()].filter(({ networkGateway }) => networkGateway);
    assert.deepEqual(
      entries.map(({ classicClients }) => classicClients),
      [true, false],
    );
  });

  it('are remembered while their ztunnel is away, and forgotten when ours has taken its place', () => {
    const known = new UpstreamZtunnels();
    const ztunnel = { kind: 'ztunnel' as const, key: 'shop/a' };
    assert.equal(known.seen({ ...ztunnel, version: '0.1.0' }), false);
    assert.equal(known.seen({ ...ztunnel, kind: 'sidecar', version: '' }), false);
    assert.equal(known.seen({ ...ztunnel, version: '' }), true);
    assert.equal(known.seen({ ...ztunnel, version: '' }), false);
    assert.deepEqual([...known.pods], ['shop/a']);
    assert.equal(known.seen({ ...ztunnel, version: '0.1.0' }), true);
    assert.deepEqual([...known.pods], []);
  });

  it('are forgotten when their pod is gone, so that a thousand restarts leave nothing', () => {
    const known = new UpstreamZtunnels();
    for (let i = 0; i < 1000; i++) {
      known.seen({ kind: 'ztunnel', key: `istio-system/ztunnel-${i}`, version: '' });
      known.keep((key) => key === `istio-system/ztunnel-${i}`);
      assert.deepEqual([...known.pods], [`istio-system/ztunnel-${i}`]);
    }
  });
});
