import assert from 'node:assert/strict';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { SyncMessageSchema } from '@isthmus/api/gen/isthmus/link_pb.js';
import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { HealthReport, ServiceReport } from '@isthmus/api/domain/report.ts';
import type { Codec } from '@isthmus/api/wire/binary.ts';
import * as link from '@isthmus/api/wire/link.ts';
import { aMatch, anAuthorization } from '../../fakes/records.ts';
import { someProperties } from '../../fakes/global-properties.ts';
import { inShop } from '../../fakes/services.ts';

const gateway = {
  network: 'network-west',
  address: '127.7.16.5',
  hbonePort: 15_008,
  passthroughPort: 15_443,
  spiffeId: 'spiffe://cluster.local/ns/istio-system/sa/eastwest-gateway',
  region: 'region-b',
  zone: 'b1',
  ready: true,
};
const group = { region: 'region-b', zone: 'b1', transport: 'istio-mtls' as const, total: 3, healthy: 2 };
const ports = [{ name: 'http', port: 80, targetPort: 0, appProtocol: 'http' }];
const condition = {
  type: 'Captured',
  status: 'False' as const,
  reason: 'PORT_NOT_CAPTURABLE',
  severity: 'ERROR' as const,
  object: 'Service shop/cart',
  message: 'port 80',
  remedy: 'use another port',
};
const service: ServiceReport = {
  namespace: 'shop',
  name: 'cart',
  hostname: 'cart.shop.svc.cluster.local',
  ports,
  exportRequested: true,
  subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/cart'],
  conditions: [condition],
  properties: someProperties(),
};
const remote: RemoteService = {
  cluster: 'west',
  namespace: 'shop',
  name: 'cart',
  hostname: 'cart.shop.svc.cluster.local',
  ports,
  subjectAltNames: ['spiffe://cluster.local/ns/shop/sa/cart'],
  groups: [group],
  gateways: [gateway],
  properties: someProperties(),
};
const health: HealthReport = {
  sequence: 5,
  sentAt: 1_790_000_000_000,
  proxiesConnected: 3,
  workloads: 9,
  services: [{ namespace: 'shop', name: 'cart', groups: [group, { ...group, hboneOnly: true as const }] }],
  unreadable: [],
};
const workload = {
  uid: 'east//Pod/shop/cart-1',
  name: 'cart-1',
  namespace: 'shop',
  node: 'east-1',
  serviceAccount: 'cart',
  spiffeId: 'spiffe://cluster.local/ns/shop/sa/cart',
  addresses: ['127.7.1.2'],
  mode: 'AMBIENT' as const,
  ready: true,
  deniesByDefault: true,
  health: { healthy: false, reason: 'NOT_READY', message: 'it is not ready', remedy: 'wait', stale: true },
  services: ['shop/cart.shop.svc.cluster.local'],
  policies: ['shop/isthmus~deny'],
};
const policy = {
  name: 'deny',
  revision: 12,
  target: { namespace: 'shop', labels: { app: 'cart', tier: 'back' } },
  authorization: anAuthorization({
    name: 'isthmus~deny',
    action: 'DENY',
    rules: [[[aMatch({ principals: [{ kind: 'suffix', value: '/sa/frontend' }], destinationPorts: [80] })]]],
  }),
};

const rejection: Rejection = {
  code: 'INVALID_FIELD',
  severity: 'ERROR',
  object: 'Service shop/cart',
  field: 'spec.ports[0].port',
  message: 'no number',
  file: 'shop/cart.yaml',
  line: 7,
};

/** One whole value of every message of the link. */
const values: { [N in CodecName]: Value<N> } = {
  clusterReport: {
    agentVersion: '0.1.0',
    network: 'network-east',
    nodes: [{ name: 'east-1', region: 'region-a', zone: 'a1' }],
    workloadsByMode: { AMBIENT: 4, NONE: 1 },
    conditions: [condition],
    rejections: [rejection],
    rejectionCounts: { ERROR: 3, WARNING: 2, INFO: 1 },
  },
  serviceReport: service,
  gatewayReport: gateway,
  appliedReport: { subject: 'policy/deny', version: '12', state: 'APPLIED', message: '', proxies: 3 },
  healthReport: health,
  healthAck: { sequence: 5, takesChanges: true, isRefused: true },
  activation: { keyId: 'ab12' },
  compiledPolicy: policy,
  trafficPolicy: {
    kind: 'trafficPolicy',
    namespace: 'shop',
    name: 'cart',
    localityOrder: ['REGION', 'CLUSTER'],
    regionFailover: [{ from: 'region-a', to: 'region-b' }],
  },
  trafficShift: {
    id: 'f1',
    cluster: 'east',
    percent: 30,
    services: [inShop('cart')],
    remoteOnly: true,
    deadline: 1_800_000_000_000,
  },
  exportGrant: { namespace: 'shop', name: 'cart', clusters: ['west', 'south'], members: true },
  member: { cluster: 'west' },
  hubAddress: { linkEndpoints: ['hub.example:15101', '[2001:db8::7]:15101'] },
  remoteService: remote,
  question: {
    id: 'q',
    deadlineMillis: 5000,
    ask: { kind: 'workloads', namespace: 'shop', labels: { app: 'cart' }, first: 20, after: '' },
  },
  reply: {
    id: 'q',
    kind: 'answer',
    answer: { kind: 'workloads', workloads: [workload], total: 1, hasNext: false },
  },
  joinRequest: { cluster: 'east', secret: 'secret', linkCsr: 'csr', agentVersion: '0.1.0' },
  joinResponse: {
    hubId: 'hub',
    clusterId: 'east',
    linkChain: ['leaf'],
    linkCa: 'ca',
    linkEndpoints: ['127.7.0.1:15101'],
    trustDomain: defaultTrustDomain,
  },
  renewLinkRequest: { linkCsr: 'csr' },
  renewLinkResponse: { linkChain: ['leaf'], linkCa: 'ca' },
  signIntermediateRequest: { csr: 'csr', urgent: true },
  signIntermediateResponse: { chain: ['intermediate', 'root'], keyId: 'ab12' },
  syncMessage: {
    kind: 'response',
    response: {
      type: 'remote',
      nonce: '3',
      systemVersion: { epoch: 2n, revision: 77n },
      removed: ['west/shop/old'],
      complete: true,
      resources: [{ name: 'west/shop/cart', version: 'v', body: Uint8Array.of(1, 2) }],
    },
  },
};

describe('the link', () => {
  for (const [name, value] of Object.entries(values))
    it(`carries ${name} whole`, () => {
      const codec = link[name as CodecName] as Codec<unknown>;
      assert.deepEqual(codec.decode(codec.encode(value)), { ok: true, value });
    });

  it('carries requests, every question with its answer, and errors of replies', () => {
    const initialVersions = new Map([
      ['a', '1'],
      ['b', ''],
    ]);
    const request = {
      type: 'remote',
      subscribe: [],
      unsubscribe: [],
      initialVersions,
      nonce: '7',
      error: 'a: no',
    };
    const message = { kind: 'request' as const, request };
    assert.deepEqual(link.syncMessage.decode(link.syncMessage.encode(message)), { ok: true, value: message });
    const byDigests = {
      ...request,
      initialVersions: new Map(),
      digests: new Map([['west', (1n << 128n) - 1n]]),
    };
    const opening = { kind: 'request' as const, request: byDigests };
    assert.deepEqual(link.syncMessage.decode(link.syncMessage.encode(opening)), { ok: true, value: opening });
    const response = {
      type: 'remote',
      nonce: '3',
      systemVersion: { epoch: 2n, revision: 77n },
      resources: [],
      removed: [],
      complete: false,
      groupsToList: ['west', ''],
    };
    const asking = { kind: 'response' as const, response };
    assert.deepEqual(link.syncMessage.decode(link.syncMessage.encode(asking)), { ok: true, value: asking });
    const asked = { kind: 'rejections' as const, severity: 'ERROR' as const, first: 20, after: 'x' };
    for (const ask of [asked, { ...asked, severity: '' as const, after: '' }]) {
      const value = { id: 'q', deadlineMillis: 5000, ask };
      assert.deepEqual(link.question.decode(link.question.encode(value)), { ok: true, value });
    }
    const answer = { kind: 'rejections' as const, rejections: [rejection], total: 9, hasNext: true };
    const answered = { id: 'q', kind: 'answer' as const, answer };
    assert.deepEqual(link.reply.decode(link.reply.encode(answered)), { ok: true, value: answered });
    const failed = { id: 'q', kind: 'error' as const, message: 'no such namespace' };
    assert.deepEqual(link.reply.decode(link.reply.encode(failed)), { ok: true, value: failed });
  });

  it('carries endpoint counts of any size, but never more healthy ones than there are', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (total, healthy) => {
        const groups = [{ ...group, total, healthy }];
        const decoded = link.remoteService.decode(link.remoteService.encode({ ...remote, groups }));
        assert.equal(decoded.ok, healthy <= total);
      }),
    );
  });

  for (const bytes of [15, 17])
    it(`refuses a digest of ${bytes} bytes, and says of which group`, () => {
      const digests = { west: new Uint8Array(bytes) };
      const message = { case: 'request' as const, value: { type: 'remote', digests } };
      const decoded = link.syncMessage.decode(
        toBinary(SyncMessageSchema, create(SyncMessageSchema, { message })),
      );
      assert.deepEqual(decoded, {
        ok: false,
        error: `request.digests["west"]: has ${bytes} bytes and not 16`,
      });
    });

  const refused: Record<string, [() => { ok: boolean; error?: string }, RegExp]> = {
    'a share over 100': [
      () => again(link.trafficShift, { ...values.trafficShift, percent: 101 }),
      /^percent: 101 is more than 100/,
    ],
    'a traffic shift of what names no service': [
      () => again(link.trafficShift, { ...values.trafficShift, services: [inShop('cart'), 'cart' as never] }),
      /^services\[1\]: "cart" is not <namespace>\/<name>/,
    ],
    'a traffic shift of a service with a part too many': [
      () => again(link.trafficShift, { ...values.trafficShift, services: ['shop/cart/v1' as never] }),
      /^services\[0\]: "shop\/cart\/v1" is not/,
    ],
    'a state that is none': [
      () => again(link.appliedReport, { ...values.appliedReport, state: 'DONE' as never }),
      /^state: 'DONE'/,
    ],
    'a scope that is none': [
      () => again(link.trafficPolicy, { ...values.trafficPolicy, localityOrder: ['NODE' as never] }),
      /^locality_order\[0\]/,
    ],
    'a gateway with a port that is none': [
      () => again(link.gatewayReport, { ...gateway, hbonePort: 70_000 }),
      /^hbone_port: 70000/,
    ],
    'a service port of 0': [
      () => again(link.serviceReport, { ...service, ports: [{ ...ports[0]!, port: 0 }] }),
      /^ports\[0\]\.port/,
    ],
    'a nested gateway': [
      () => again(link.remoteService, { ...remote, gateways: [{ ...gateway, network: '' }] }),
      /^gateways\[0\]\.network/,
    ],
    'a policy without authorization': [
      () => link.compiledPolicy.decode(Uint8Array.of(10, 1, 97)),
      /^authorization: is missing/,
    ],
    'neither request nor response': [() => link.syncMessage.decode(new Uint8Array()), /^message: is neither/],
    'a resource without a name': [
      () =>
        again(link.syncMessage, {
          kind: 'response',
          response: {
            type: 't',
            nonce: '1',
            systemVersion: { epoch: 1n, revision: 1n },
            removed: [],
            complete: true,
            resources: [{ name: '', version: '', body: new Uint8Array() }],
          },
        }),
      /^response\.resources\[0\]\.name/,
    ],
    'a service whose name ends a line': [
      () => again(link.serviceReport, { ...service, name: 'cart\nLD_PRELOAD=x' }),
      /^name: "cart\\nLD_PRELOAD=x" is not a DNS label/,
    ],
    'a service in capital letters, which would be the same environment variable': [
      () => again(link.serviceReport, { ...service, name: 'CATALOGUE' }),
      /^name: "CATALOGUE" is not a DNS label/,
    ],
    'a remote service whose name is not a label': [
      () => again(link.remoteService, { ...remote, namespace: '..' }),
      /^namespace: "\.\." is not a DNS label/,
    ],
    'a port whose name is not a label': [
      () => again(link.remoteService, { ...remote, ports: [{ ...ports[0]!, name: 'a=b' }] }),
      /^ports\[0\]\.name: "a=b" is not a DNS label/,
    ],
    'an identity of another namespace behind a service': [
      () =>
        again(link.serviceReport, {
          ...service,
          subjectAltNames: ['spiffe://cluster.local/ns/bank/sa/vault'],
        }),
      /^subject_alt_names\[0\]: .* is not an identity of namespace "shop"/,
    ],
    'an identity of another namespace behind a remote service': [
      () =>
        again(link.remoteService, {
          ...remote,
          subjectAltNames: ['spiffe://cluster.local/ns/bank/sa/vault'],
        }),
      /^subject_alt_names\[0\]: .* is not an identity of namespace "shop"/,
    ],
    'a gateway that is not a workload': [
      () => again(link.gatewayReport, { ...gateway, spiffeId: 'spiffe://cluster.local/gw' }),
      /^spiffe_id: /,
    ],
    'a gateway at a host name': [
      () => again(link.gatewayReport, { ...gateway, address: 'gw.example' }),
      /^address: "gw\.example" is not an IP address/,
    ],
    'a condition that moves the cursor': [
      () => again(link.serviceReport, { ...service, conditions: [{ ...condition, reason: '\u001b[2J' }] }),
      /^conditions\[0\]\.reason: /,
    ],
    '2,147,483,648 workloads of a mode': [
      () => again(link.clusterReport, { ...values.clusterReport, workloadsByMode: { AMBIENT: 2 ** 31 } }),
      /^workloads_by_mode\[AMBIENT\]: 2147483648 is more than 2147483647/,
    ],
    '257 ports of a service': [
      () => again(link.serviceReport, { ...service, ports: Array.from({ length: 257 }, () => ports[0]!) }),
      /^ports: 257 elements are more than 256/,
    ],
    '257 identities of a service': [
      () =>
        again(link.serviceReport, {
          ...service,
          subjectAltNames: Array.from({ length: 257 }, (_, i) => `spiffe://cluster.local/ns/shop/sa/a${i}`),
        }),
      /^subject_alt_names: 257 elements are more than 256/,
    ],
    'an empty question': [() => link.question.decode(Uint8Array.of(10, 1, 97)), /^question: is missing/],
  };
  it('takes 2,147,483,647 workloads, 256 ports and 256 identities', () => {
    const workloadsByMode = { AMBIENT: 2 ** 31 - 1 };
    assert.ok(again(link.clusterReport, { ...values.clusterReport, workloadsByMode }).ok);
    const many = Array.from({ length: 256 }, (_, i) => i);
    const large = {
      ...service,
      ports: many.map(() => ports[0]!),
      subjectAltNames: many.map((i) => `spiffe://cluster.local/ns/shop/sa/a${i}`),
    };
    assert.ok(again(link.serviceReport, large).ok);
  });

  it('makes one line of what a condition says', () => {
    const message = `a\nb\u001b[2J${'x'.repeat(3000)}`;
    const decoded = again(link.serviceReport, { ...service, conditions: [{ ...condition, message }] });
    assert.ok(decoded.ok);
    assert.match(decoded.value.conditions[0]?.message ?? '', /^a b \[2Jx{1900,}…$/);
  });

  it('takes a gateway that has no HBONE: it is reported as it is', () => {
    const decoded = again(link.gatewayReport, { ...gateway, hbonePort: 0 });
    assert.ok(decoded.ok && decoded.value.hbonePort === 0);
  });
  for (const [name, [decode, error]] of Object.entries(refused))
    it(`refuses ${name}`, () => {
      const decoded = decode();
      assert.match(decoded.ok ? 'accepted' : (decoded.error ?? ''), error);
    });
});

type CodecName = {
  [N in keyof typeof link]: (typeof link)[N] extends { readonly decode: unknown } ? N : never;
}[keyof typeof link];
type Value<N extends CodecName> = (typeof link)[N] extends Codec<infer T> ? T : never;

const again = <T>(codec: Codec<T>, value: T) => codec.decode(codec.encode(value));
