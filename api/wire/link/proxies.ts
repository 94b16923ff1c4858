import type { ProxiesAnswer, ProxiesQuestion, ProxySelf, ProxySummary } from '../../domain/question.ts';
import type {
  ProxiesQuestion as WireProxiesQuestion,
  ProxiesReply,
  ProxySelf as WireSelf,
  ProxySummary as WireSummary,
} from '../../gen/isthmus/link_pb.js';
import type { Fields } from '../fields.ts';
import {
  readCertificate,
  readConnect,
  readDestination,
  readUnbound,
  writeCertificate,
  writeConnect,
  writeDestination,
  writeUnbound,
} from '../proxy-report.ts';

/** The question for proxies and its answer, as they travel between hub and agent. */
export const readProxiesAsk = ({ first, after }: WireProxiesQuestion): ProxiesQuestion => ({
  kind: 'proxies',
  first,
  after,
});

export const writeProxies = ({ proxies, total, hasNext }: ProxiesAnswer) => ({
  proxies: proxies.map(writeSummary),
  total,
  hasNext,
});

export const readProxies = ({ proxies, total, hasNext }: ProxiesReply, fields: Fields): ProxiesAnswer => ({
  kind: 'proxies',
  proxies: proxies.map((summary) => readSummary(summary, fields)),
  total,
  hasNext,
});

const writeSummary = ({ connectedSince, types, certificates, self, ...rest }: ProxySummary) => ({
  ...rest,
  connectedSince: BigInt(connectedSince),
  types: types.map((one) => ({ ...one })),
  certificates: certificates.map(({ issued, ...held }) => ({ held: writeCertificate(held), issued })),
  ...(self && { self: writeSelf(self) }),
});

const writeSelf = (self: ProxySelf) => ({
  startedAt: BigInt(self.startedAt),
  openConnections: self.openConnections,
  unbound: self.unbound.map(writeUnbound),
  connects: self.connects.map(writeConnect),
  destinations: self.destinations.map(writeDestination),
  leftOut: BigInt(self.leftOut),
  refused: self.refused,
  refusedLast: self.refusedLast,
});

const readSummary = (summary: WireSummary, fields: Fields): ProxySummary => ({
  kind: fields.word('kind', summary.kind, ['ztunnel', 'router', 'sidecar', 'waypoint']),
  namespace: fields.label('namespace', summary.namespace),
  pod: fields.dnsName('pod', summary.pod),
  node: fields.tokenOrNone('node', summary.node),
  version: fields.sentence(summary.version),
  upstream: summary.upstream,
  connectedSince: fields.count('connected_since', summary.connectedSince),
  complete: summary.complete,
  types: summary.types.map(({ type, acknowledged, rejected }) => ({
    type: fields.token('types', type),
    acknowledged,
    rejected,
  })),
  certificates: summary.certificates.map(({ held, issued }) => ({
    ...readCertificate(held, fields),
    issued,
  })),
  self: summary.self && readSelf(summary.self, fields),
});

const readSelf = (self: WireSelf, fields: Fields): ProxySelf => ({
  startedAt: fields.count('self.started_at', self.startedAt),
  openConnections: self.openConnections,
  unbound: self.unbound.map((one) => readUnbound(one, fields)),
  connects: self.connects.map((one) => readConnect(one, fields)),
  destinations: self.destinations.map((one) => readDestination(one, fields)),
  leftOut: fields.count('self.left_out', self.leftOut),
  refused: self.refused,
  refusedLast: fields.sentence(self.refusedLast),
});
