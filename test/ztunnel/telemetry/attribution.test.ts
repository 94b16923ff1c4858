import assert from 'node:assert/strict';
import { MeshError } from '@isthmus/mesh/process/mesh-error.ts';
import { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import { ProxyError } from '@isthmus/ztunnel/proxy-error.ts';
import { flagsOf } from '@isthmus/ztunnel/telemetry/response-flags.ts';
import { serviceMeant } from '@isthmus/ztunnel/telemetry/service-meant.ts';
import { labelsOf, tcpLabels } from '@isthmus/ztunnel/telemetry/tcp-labels.ts';
import { aService, aWorkload } from '../../fakes/records.ts';

describe('ztunnel/telemetry labels', () => {
  const front = aWorkload({
    uid: 'east//Pod/shop/front',
    workloadName: 'front',
    canonicalName: 'front-end',
    canonicalRevision: 'v1',
    locality: { region: 'r1', zone: 'z1', subzone: '' },
  });
  const labels = labelsOf(
    {
      reporter: 'source',
      source: { workload: front, identity: 'spiffe://cluster.local/ns/shop/sa/front' },
      destination: { workload: undefined, identity: undefined },
      service: { hostname: 'cart.shop', namespace: 'shop', name: 'cart' },
      mtls: true,
    },
    '-',
  );

  it("are Istio's, all of them and in Istio's order", () => assert.deepEqual(Object.keys(labels), tcpLabels));

  it('name what is known of an end, and call the rest unknown', () =>
    assert.deepEqual(labels, {
      reporter: 'source',
      source_workload: 'front',
      source_workload_namespace: 'shop',
      source_cluster: 'east',
      source_canonical_service: 'front-end',
      source_canonical_revision: 'v1',
      source_app: 'front-end',
      source_version: 'v1',
      source_region: 'r1',
      source_zone: 'z1',
      source_principal: 'spiffe://cluster.local/ns/shop/sa/front',
      destination_service: 'cart.shop',
      destination_service_namespace: 'shop',
      destination_service_name: 'cart',
      destination_workload: 'unknown',
      destination_canonical_service: 'unknown',
      destination_canonical_revision: 'unknown',
      destination_workload_namespace: 'unknown',
      destination_principal: 'unknown',
      destination_app: 'unknown',
      destination_version: 'unknown',
      destination_cluster: 'unknown',
      destination_region: 'unknown',
      destination_zone: 'unknown',
      request_protocol: 'tcp',
      response_flags: '-',
      connection_security_policy: 'mutual_tls',
    }));
});

describe('ztunnel/telemetry response flags', () => {
  const cases = [
    [new TlsRefused('inner', 'refused'), 'TLS_FAILURE'],
    [new ProxyError('NO_CERTIFICATE', ''), 'IDENTITY_ERROR'],
    [new MeshError('DIAL_TIMEOUT', ''), 'NETWORK_POLICY'],
    [new MeshError('DIAL_REFUSED', ''), 'CONNECT'],
    [new MeshError('SESSION_FAILED', ''), 'H2_HANDSHAKE_FAILURE'],
    [new MeshError('CONNECT_FAILED', ''), 'H2_HANDSHAKE_FAILURE'],
    [new ProxyError('NO_ANSWER', ''), 'CONNECT'],
    [new Error('anything'), 'CONNECT'],
  ] as const;
  for (const [error, flags] of cases)
    it(`${'code' in error ? error.code : 'any other error'} is ${flags}`, () =>
      assert.equal(flagsOf(error), flags));
});

describe('ztunnel/telemetry, the service that a connection to a pod meant', () => {
  const ports = [{ servicePort: 80, targetPort: 8080 }];
  const cart = aService({ name: 'cart', ports });
  const basket = aService({ name: 'basket', ports });
  const named = aService({ name: 'named', ports: [{ servicePort: 80, targetPort: 0 }] });
  const other = aService({ name: 'other', ports });
  const state = new MeshState();
  const pod = aWorkload({
    uid: 'east//Pod/shop/cart',
    services: new Map([
      [cart.key, []],
      [basket.key, []],
      [named.key, [{ servicePort: 80, targetPort: 9090 }]],
    ]),
  });
  state.applyAddresses(
    [cart, basket, named, other].map((service) => ({ kind: 'service' as const, service })),
    [],
  );
  const meant = (port: number, said?: string) => serviceMeant(state, pod, port, said)?.name;

  it('is the one that the caller names, if the pod backs it', () => {
    assert.equal(meant(8080, cart.hostname), 'cart');
    assert.equal(meant(8080, basket.hostname), 'basket');
  });
  it('is never one that the pod does not back', () => assert.notEqual(meant(8080, other.hostname), 'other'));
  it('is else the first that has the port, always the same', () => assert.equal(meant(8080), 'basket'));
  it("is found by the pod's own port where the service names it", () => assert.equal(meant(9090), 'named'));
  it('is none where none has the port', () => assert.equal(meant(1), undefined));
});
