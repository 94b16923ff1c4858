import assert from 'node:assert/strict';
import { readConnectHeaders } from '@isthmus/mesh/hbone/connect-headers.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import { parseWorkloadIdentity, type SpiffeId, type TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import { gatewayTelemetry } from '@isthmus/ztunnel/proxy/gateway-telemetry.ts';
import { inboundTelemetry } from '@isthmus/ztunnel/proxy/inbound-telemetry.ts';
import type { ProxyConfig } from '@isthmus/ztunnel/configuration.ts';
import { labelsOf } from '@isthmus/ztunnel/telemetry/tcp-labels.ts';
import { aService, aWorkload } from '../../fakes/records.ts';

const config = { network: 'network-east', cluster: 'east', address: '10.0.9.9' } as ProxyConfig;
const cart = aService({ name: 'cart', ports: [{ servicePort: 80, targetPort: 8080 }] });
const pod = aWorkload({
  uid: 'east//Pod/shop/cart',
  name: 'cart-1',
  workloadName: 'cart',
  serviceAccount: 'cart',
  addresses: ['10.0.0.2'],
  services: new Map([[cart.key, []]]),
});
const front = aWorkload({
  uid: 'east//Pod/shop/front',
  workloadName: 'front',
  canonicalName: 'front',
  serviceAccount: 'front',
  addresses: ['10.0.0.1'],
});
const state = new MeshState();
state.applyAddresses(
  [
    { kind: 'service', service: cart },
    { kind: 'workload', workload: pod },
    { kind: 'workload', workload: front },
  ],
  [],
);

function peerOf(account: string, cluster = 'east', namespace = 'shop'): Peer {
  const spiffeId = `spiffe://cluster.local/ns/${namespace}/sa/${account}` as SpiffeId;
  const identity = parseWorkloadIdentity(spiffeId);
  assert.ok(identity.ok);
  const proven = { identity: identity.value, trustDomain: 'cluster.local' as TrustDomain, cluster };
  return { spiffeId, ...proven, issuerKeyId: '', notAfter: 0 };
}

const lies =
  'k8s.cluster.name=lies,k8s.namespace.name=lies,k8s.deployment.name=said,service.name=said,cloud.region=said-region';

/** What the destination tells of a caller at 10.0.0.1. */
function recorded(peer: Peer | undefined, headers: Record<string, string> | undefined) {
  const said = headers && readConnectHeaders(headers);
  const caller = { address: '10.0.0.1', port: 16400, peer, said, authority: headers && '10.0.0.2:8080' };
  const deps = { state, config };
  const original = { address: '10.0.0.2', port: headers ? 15008 : 8080 };
  return inboundTelemetry({ deps, workload: pod, original, caller, port: 8080, service: undefined });
}

const sourceIn = (result: ReturnType<typeof recorded>) => {
  const labels = labelsOf(result.facts, '-');
  const { source_workload, source_workload_namespace, source_cluster, source_region } = labels;
  return [source_workload, source_workload_namespace, source_cluster, source_region];
};

describe('ztunnel/proxy, what a destination logs of its caller', () => {
  const cases = [
    {
      name: 'inside the network the state knows it by its address, whatever it says of itself',
      peer: peerOf('front'),
      headers: { baggage: lies },
      source: ['front', 'shop', 'east', 'unknown'],
    },
    {
      name: 'its own network in a header changes nothing',
      peer: peerOf('front'),
      headers: { baggage: lies, 'x-forwarded-network': 'NETWORK-EAST' },
      source: ['front', 'shop', 'east', 'unknown'],
    },
    {
      name: 'another identity at that address is not who the state thinks',
      peer: peerOf('thief'),
      headers: { baggage: lies },
      source: ['unknown', 'shop', 'east', 'unknown'],
    },
    {
      name: 'through a gateway its word is taken, but for what its certificate proves',
      peer: peerOf('front', 'west', 'away'),
      headers: { baggage: lies, 'x-forwarded-network': 'network-west' },
      source: ['said', 'away', 'west', 'said-region'],
    },
    {
      name: 'by Istio mTLS, which says nothing, the certificate alone tells',
      peer: peerOf('classic', 'west', 'away'),
      headers: undefined,
      source: ['unknown', 'away', 'west', 'unknown'],
    },
    {
      name: 'in plaintext its address is all there is',
      peer: undefined,
      headers: undefined,
      source: ['front', 'shop', 'east', 'unknown'],
    },
  ];
  for (const { name, peer, headers, source } of cases)
    it(name, () => assert.deepEqual(sourceIn(recorded(peer, headers)), source));

  it('counts under the service that is meant, and knows the trace', () => {
    const trace = 'ab'.repeat(16);
    const headers = {
      forwarded: `for="10.0.0.1:1";host=${cart.hostname}`,
      traceparent: `00-${trace}-${'01'.repeat(8)}-00`,
    };
    const result = recorded(peerOf('front'), headers);
    assert.equal(result.record.dstService, cart.hostname);
    assert.equal(labelsOf(result.facts, '-').destination_service_name, 'cart');
    assert.equal(result.trace, trace);
    assert.equal(recorded(undefined, undefined).record.dstService, cart.hostname, 'by its port');
  });

  it('names identities where they are proved only', () => {
    assert.equal(recorded(peerOf('front'), {}).record.dstIdentity, 'spiffe://cluster.local/ns/shop/sa/cart');
    const { record, facts } = recorded(undefined, undefined);
    assert.deepEqual([record.srcIdentity, record.dstIdentity, facts.mtls], [undefined, undefined, false]);
  });
});

describe('ztunnel/proxy, what a gateway logs', () => {
  const arrival = { from: '10.9.0.1:16400', wanted: `${cart.hostname}:80`, trace: undefined, started: 0 };
  const candidate = { workload: pod, address: '10.0.0.2', port: 15008 };
  const decision = { kind: 'forward' as const, service: cart, candidates: [candidate] };

  it('its log names the endpoint that it dialled, and who its caller proved to be', () => {
    const { record } = gatewayTelemetry(
      config,
      { ...arrival, peer: peerOf('front', 'west') },
      decision,
      '10.0.0.2:15008',
    );
    const { srcIdentity, srcCluster, dstAddr, dstHboneAddr, dstWorkload, dstService } = record;
    assert.deepEqual([srcIdentity, srcCluster], ['spiffe://cluster.local/ns/shop/sa/front', 'west']);
    assert.deepEqual(
      [dstAddr, dstHboneAddr, dstWorkload, dstService],
      ['10.0.0.2:15008', `${cart.hostname}:80`, 'cart-1', cart.hostname],
    );
  });

  it('its metrics leave the destination to the proxy that is one', () => {
    const { facts } = gatewayTelemetry(
      config,
      { ...arrival, peer: peerOf('front', 'west') },
      decision,
      '10.0.0.2:15008',
    );
    const labels = labelsOf(facts, '-');
    assert.deepEqual([labels.destination_workload, labels.source_cluster], ['unknown', 'west']);
  });

  it('names itself where it dialled nothing, and claims no mTLS where it terminates none', () => {
    const refused = gatewayTelemetry(config, { ...arrival, peer: peerOf('front', 'west') }, undefined);
    assert.equal(refused.record.dstAddr, '10.0.9.9:15008');
    const passed = gatewayTelemetry(config, { ...arrival, peer: undefined }, undefined);
    assert.equal(passed.record.dstAddr, '10.0.9.9:15443');
    assert.equal(labelsOf(passed.facts, '-').connection_security_policy, 'unknown');
  });
});
