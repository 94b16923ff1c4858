import { policyOrder, proxyOrder } from '@isthmus/api/domain/question.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  PoliciesAnswer,
  PoliciesQuestion,
  PolicySummary,
  WorkloadHealth,
  WorkloadSummary,
  ProxiesQuestion,
  ProxySummary,
  WorkloadsQuestion,
} from '@isthmus/api/domain/question.ts';
import { countRejections, type Rejection } from '@isthmus/api/domain/rejection.ts';
import type { ClusterReport, Gateway, ServiceReport } from '@isthmus/api/domain/report.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { HubLinks } from '../../cluster-agent/link/hub-links.ts';
import { answerRejections } from '../../cluster-agent/answers/rejections-answer.ts';
import { Rejections } from '../../cluster-agent/view/rejections.ts';
import { HubEpochs } from '../../cluster-agent/link/hub-epochs.ts';
import { HubStore } from '../../cluster-agent/link/hub-store.ts';
import { linkIdentity } from '../../cluster-agent/link/identity.ts';
import { healthSourceOf, provenHealth } from './agent.ts';
import type { TestHub } from './hub.ts';
import { MemoryJournal } from './memory-journal.ts';

/** What a member cluster says of itself; every service has one port and endpoints that HBONE reaches. */
export interface Said {
  readonly cluster: string;
  readonly region: string;
  /** 127.x address that it dials the hub from. */
  readonly address: string;
  readonly services: readonly {
    readonly name: string;
    readonly exported: boolean;
    readonly healthy: number;
  }[];
  readonly workloads: readonly string[];
}

const namespace = 'shop';
const odd: Rejection = {
  code: 'INVALID_FIELD',
  severity: 'ERROR',
  object: 'Pod shop/odd',
  field: 'spec',
  message: 'it is odd',
  file: 'shop/odd.yaml',
  line: 3,
};
/** More than a page of them, and more than a report has. */
const rejections: readonly Rejection[] = [
  odd,
  ...Array.from({ length: 120 }, (_, i): Rejection => ({
    code: 'NOT_APPLIED',
    severity: 'WARNING',
    object: `Service shop/part-${i}`,
    field: 'spec.x',
    message: 'it is not applied',
    file: 'shop/parts.yaml',
    line: i + 1,
  })),
];
const held = new Rejections();
held.set('member', rejections);
const mutation =
  'mutation($input: CreateJoinTokenInput!) { result: createJoinToken(input: $input) { token } }';

/** Joins a hub by its real listeners and reports what it is given. Resolves when the hub shows it all. */
export async function joinMember(hub: TestHub, said: Said): Promise<{ stop(): void }> {
  const stateDir = mkdtempSync(join(tmpdir(), 'isthmus-member-'));
  const tokenFile = join(stateDir, 'token');
  const { data } = await hub.ask<{ result: { token: string } }>(mutation, {
    input: { cluster: said.cluster },
  });
  writeFileSync(tokenFile, data!.result.token);
  const clock = systemClock;
  const at = { cluster: said.cluster, stateDir, tokenFile, localAddress: said.address };
  const identity = await linkIdentity({ ...at, clock, random: systemRandom });
  const reports = reportsOf(said);
  const link = new HubLinks({
    identity,
    replica: { id: 'main', leads: () => true },
    localAddress: said.address,
    epochs: new HubEpochs(stateDir, silentLog),
    hubStore: new HubStore({ journal: new MemoryJournal(), hub: '', log: silentLog }),
    clock,
    random: systemRandom,
    log: silentLog,
    reports: (type) => reports.get(type) ?? new Map(),
    health: { ...healthSourceOf({ health: healthOf(said) }), pulse: { proxiesConnected: 0, workloads: 1 } },
    answer(ask) {
      if (ask.kind === 'proxies') return Promise.resolve(proxiesAsked(ask));
      if (ask.kind === 'policies') return Promise.resolve(policiesOf(ask));
      return Promise.resolve(
        ask.kind === 'workloads' ? workloadsOf(said, ask) : answerRejections({ rejections: held }, ask),
      );
    },
    onView: () => undefined,
  });
  const stop = new AbortController();
  void link.run(stop.signal);
  await shown(hub, said, link);
  await link.signIntermediate(createCsr(generateKey()));
  return {
    stop() {
      stop.abort();
      rmSync(stateDir, { recursive: true });
    },
  };
}

/** Health of a service that the hub does not know yet is sent again. */
async function shown(hub: TestHub, { cluster, services }: Said, link: HubLinks): Promise<void> {
  const query =
    '{ services(first: 100) { nodes { name clusters { cluster total } } } clusters(first: 100) { nodes { name state } } }';
  const total = services.reduce((sum, { healthy }) => sum + healthy, 0);
  for (;;) {
    if (link.connected) link.healthChanged();
    const { data } = await hub.ask<{
      services: { nodes: { clusters: { cluster: string; total: number }[] }[] };
      clusters: { nodes: { name: string; state: string }[] };
    }>(query);
    const here = data!.services.nodes.flatMap((one) => one.clusters).filter((one) => one.cluster === cluster);
    const active = data!.clusters.nodes.some(({ name, state }) => name === cluster && state === 'ACTIVE');
    if (active && here.reduce((sum, one) => sum + one.total, 0) === total) return;
  }
}

function reportsOf({ cluster, region, services, address }: Said) {
  const self: ClusterReport = {
    agentVersion: '0',
    network: `network-${cluster}`,
    workloadsByMode: { AMBIENT: 1 },
    nodes: [{ name: `${cluster}-a`, region, zone: `${region}-1` }],
    conditions: [],
    rejections: rejections.slice(0, 100),
    rejectionCounts: countRejections(rejections),
  };
  const gateway: Gateway = {
    network: `network-${cluster}`,
    address,
    hbonePort: 15008,
    passthroughPort: 15443,
    spiffeId: 'spiffe://cluster.local/ns/istio-system/sa/gateway',
    region,
    zone: `${region}-1`,
    ready: true,
  };
  const known = services.map(({ name, exported }): [string, ServiceReport] => [
    `${namespace}/${name}`,
    {
      namespace,
      name,
      hostname: `${name}.${namespace}.svc.cluster.local`,
      exportRequested: exported,
      ports: [{ name: 'http', port: 8080, targetPort: 8080, appProtocol: '' }],
      subjectAltNames: [],
      conditions: [],
    },
  ]);
  return new Map([
    ['cluster', produced([['self', wire.clusterReport.encode(self)]])],
    ['gateway', produced([[`istio-system/gw/${address}`, wire.gatewayReport.encode(gateway)]])],
    ['service', produced(known.map(([name, one]) => [name, wire.serviceReport.encode(one)]))],
  ]);
}

const produced = (bodies: readonly (readonly [string, Uint8Array])[]) =>
  new Map(bodies.map(([name, body]) => [name, { version: contentVersion(body), body }]));

const healthOf = ({ services, region }: Said) =>
  services.map(({ name, healthy }) => ({
    namespace,
    name,
    groups: [{ region, zone: `${region}-1`, transport: 'hbone' as const, total: healthy, healthy }],
  }));

/** Those that are not simply healthy. */
const healths: Readonly<Record<string, WorkloadHealth | undefined>> = {
  'orders-000': {
    healthy: false,
    reason: 'PROXY_MISSING',
    stale: false,
    message: 'Node east-a has no ztunnel',
    remedy: 'run a pod of service account istio-system/ztunnel on Node east-a',
  },
  'orders-001': { ...provenHealth, stale: true },
};

/** Proxies of ours, which report on themselves, and of Istio's. Of each the second has no certificate. */
function proxiesAsked({ first, after }: ProxiesQuestion) {
  const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
  const certificate = { identity, issuerKeyId: 'cd', notAfter: Date.UTC(2030, 0, 31, 3), problem: '' };
  const types = [{ type: 'type.googleapis.com/istio.workload.Address', acknowledged: 12, rejected: 1 }];
  const common = {
    kind: 'ztunnel' as const,
    namespace: 'istio-system',
    node: 'node-a',
    connectedSince: Date.UTC(2030, 0, 30),
    complete: true,
    types,
  };
  const self = {
    startedAt: Date.UTC(2030, 0, 29),
    openConnections: 7,
    unbound: [{ place: { address: '127.0.0.9', port: 80 }, code: 'EACCES' }],
    connects: [],
    destinations: [{ service: 'shop/cart', requests: 9, failures: 1, inFlight: 0 }],
    leftOut: 0,
    refused: 0,
    refusedLast: '',
  };
  const ours = { ...common, version: '0.1.0', upstream: false, self };
  const upstream = { ...common, version: '1.31.0', upstream: true, self: undefined };
  const issued = { ...certificate, serial: '', issuerKeyId: '', issued: true };
  const all: readonly ProxySummary[] = [
    { ...ours, pod: 'ztunnel-a', certificates: [{ ...certificate, serial: 'ab', issued: false }] },
    { ...upstream, pod: 'ztunnel-b', certificates: [issued] },
    { ...ours, pod: 'ztunnel-c', certificates: [] },
    { ...upstream, pod: 'ztunnel-d', certificates: [] },
  ];
  const rest = all.filter((one) => proxyOrder(one) > after);
  const proxies = rest.slice(0, first);
  return { kind: 'proxies' as const, proxies, total: all.length, hasNext: rest.length > proxies.length };
}

/** They are in one namespace and have no labels. */
const accepted = { status: 'True', reason: 'Accepted', message: 'all of it can be enforced' } as const;
const policies: readonly PolicySummary[] = [
  {
    kind: 'AuthorizationPolicy',
    namespace,
    name: 'cart',
    action: 'ALLOW',
    selector: { app: 'cart' },
    accepted,
    enforced: { status: 'True', reason: 'Enforced', message: 'all have acknowledged it' },
  },
  {
    kind: 'PeerAuthentication',
    namespace: 'istio-system',
    name: 'mesh',
    action: 'STRICT',
    selector: {},
    accepted,
    enforced: { status: 'False', reason: 'Pending', message: 'it is being sent to proxies' },
  },
];

function policiesOf({ namespace: wanted, first, after }: PoliciesQuestion): PoliciesAnswer {
  const all = policies.filter((one) => wanted === '' || one.namespace === wanted);
  const rest = all.filter((one) => policyOrder(one) > after);
  return {
    kind: 'policies',
    policies: rest.slice(0, first),
    total: all.length,
    hasNext: rest.length > first,
  };
}

function workloadsOf({ cluster, workloads }: Said, { first, after, ...wanted }: WorkloadsQuestion) {
  const isSelected = ['', namespace].includes(wanted.namespace) && Object.keys(wanted.labels).length === 0;
  const all = (isSelected ? workloads : []).map((name): WorkloadSummary => ({
    uid: `${cluster}//Pod/${namespace}/${name}`,
    name,
    namespace,
    node: `${cluster}-a`,
    serviceAccount: name,
    spiffeId: `spiffe://cluster.local/ns/${namespace}/sa/${name}`,
    addresses: ['127.0.0.9'],
    mode: 'AMBIENT',
    ready: true,
    services: [],
    policies: [],
    deniesByDefault: false,
    health: healths[name] ?? provenHealth,
  }));
  const rest = all.filter(({ uid }) => uid > after);
  const page = rest.slice(0, first);
  return {
    kind: 'workloads' as const,
    total: all.length,
    hasNext: rest.length > page.length,
    workloads: page,
  };
}
