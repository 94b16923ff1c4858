import assert from 'node:assert/strict';
import { hostingRefusal } from '@isthmus/cluster-agent/ca/hosting.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { inputOf } from '../../fakes/cluster.ts';

const { view } = inputOf(`
apiVersion: v1
kind: Service
metadata: { name: gw, namespace: istio-system, labels: { topology.istio.io/network: network-east } }
spec: { selector: { app: gw }, ports: [{ port: 15008 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: gw-1, namespace: istio-system, labels: { app: gw } }
spec: { nodeName: n, serviceAccountName: gw, containers: [{}] }
---
apiVersion: v1
kind: Pod
metadata: { name: ztunnel, namespace: istio-system }
spec: { nodeName: n, serviceAccountName: ztunnel, containers: [{}] }
`);

describe('certificates for namespaces that a cluster may not host', () => {
  const { trustDomain, keyId, intermediate } = makeAuthority();
  const issuer = (namespaces?: readonly string[]) => ({
    keyId,
    trustDomain,
    cluster: 'east',
    certificate: intermediate.certificate,
    revoked: false,
    ...(namespaces && { namespaces }),
  });
  const refusal = (namespaces: readonly string[] | undefined, namespace: string, pod = 'ztunnel') =>
    hostingRefusal(
      view,
      issuer(namespaces),
      { trustDomain: 'cluster.local' as TrustDomain, namespace, serviceAccount: 'any' },
      { namespace: 'istio-system', pod: { name: pod, uid: 'u' } },
    );

  it('are issued without a list, and for what is in it', () => {
    assert.equal(refusal(undefined, 'pay'), undefined);
    assert.equal(refusal(['shop', 'pay'], 'pay'), undefined);
  });

  it('are refused with what to do', () => {
    const why = /cluster east may not host namespace pay: allow it with isthmus cluster namespaces/;
    assert.match(refusal(['shop'], 'pay') ?? '', why);
    assert.match(refusal([], 'pay') ?? '', why);
  });

  it('are issued to a gateway for itself, and to no other proxy of its namespace', () => {
    assert.equal(refusal(['shop'], 'istio-system', 'gw-1'), undefined);
    assert.match(refusal(['shop'], 'istio-system', 'ztunnel') ?? '', /may not host/);
    assert.match(refusal(['shop'], 'pay', 'gw-1') ?? '', /may not host/);
  });
});
