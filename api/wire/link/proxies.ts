import type { ConnectResult } from '../../domain/proxy-report.ts';
import type { ProxiesAnswer, ProxiesQuestion, ProxySelf, ProxySummary } from '../../domain/question.ts';
import type {
  DialCounts,
  ProxiesQuestion as WireProxiesQuestion,
  ProxiesReply,
  ProxySelf as WireSelf,
  ProxySummary as WireSummary,
} from '../../gen/isthmus/link_pb.js';
import type { Fields } from '../fields.ts';

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
  proxies: proxies.map((summary, i) => readSummary(`proxies[${i}]`, summary, fields)),
  total,
  hasNext,
});

const writeSummary = ({ connectedSince, types, certificates, self, ...rest }: ProxySummary) => ({
  ...rest,
  connectedSince: BigInt(connectedSince),
  types: types.map((one) => ({ ...one })),
  certificates: certificates.map(({ notAfter, ...one }) => ({ ...one, notAfter: BigInt(notAfter) })),
  ...(self && { self: writeSelf(self) }),
});

const writeSelf = (self: ProxySelf) => ({
  startedAt: BigInt(self.startedAt),
  openConnections: self.openConnections,
  unbound: self.unbound.map(({ place, code }) => ({ address: place.address, port: place.port, code })),
  connects: self.connects.map(writeConnect),
  destinations: self.destinations.map(({ service, requests, failures, inFlight }) => ({
    service,
    requests: BigInt(requests),
    failures: BigInt(failures),
    inFlight,
  })),
  leftOut: BigInt(self.leftOut),
  refused: self.refused,
  refusedLast: self.refusedLast,
});

const writeConnect = ({ kind, place, cluster, ...counts }: ConnectResult) => ({
  gateway: kind === 'GATEWAY',
  address: place.address,
  port: place.port,
  cluster,
  connected: BigInt(counts.connected),
  unreached: BigInt(counts.unreached),
  untrusted: BigInt(counts.untrusted),
  refused: BigInt(counts.refused),
  silent: BigInt(counts.silent),
  lastFailureAt: BigInt(counts.lastFailureAt),
});

const readSummary = (at: string, summary: WireSummary, fields: Fields): ProxySummary => ({
  id: fields.token(`${at}.id`, summary.id),
  node: fields.tokenOrNone(`${at}.node`, summary.node),
  version: fields.sentence(summary.version),
  upstream: summary.upstream,
  connectedSince: fields.count(`${at}.connected_since`, summary.connectedSince),
  complete: summary.complete,
  types: summary.types.map(({ type, acknowledged, rejected }) => ({
    type: fields.token(`${at}.types`, type),
    acknowledged,
    rejected,
  })),
  certificates: summary.certificates.map((one) => ({
    identity: fields.identity(`${at}.certificates`, one.identity),
    serial: fields.tokenOrNone(`${at}.certificates`, one.serial),
    issuerKeyId: fields.tokenOrNone(`${at}.certificates`, one.issuerKeyId),
    notAfter: fields.count(`${at}.certificates`, one.notAfter),
    problem: fields.sentence(one.problem),
    issued: one.issued,
  })),
  self: summary.self && readSelf(`${at}.self`, summary.self, fields),
});

const readSelf = (at: string, self: WireSelf, fields: Fields): ProxySelf => ({
  startedAt: fields.count(`${at}.started_at`, self.startedAt),
  openConnections: self.openConnections,
  unbound: self.unbound.map(({ address, port, code }) => ({
    place: { address: fields.address(`${at}.unbound`, address), port: fields.port(`${at}.unbound`, port) },
    code: fields.token(`${at}.unbound`, code),
  })),
  connects: self.connects.map((one) => readConnect(`${at}.connects`, one, fields)),
  destinations: self.destinations.map(({ service, requests, failures, inFlight }) => ({
    service: fields.token(`${at}.destinations`, service),
    requests: fields.count(`${at}.destinations`, requests),
    failures: fields.count(`${at}.destinations`, failures),
    inFlight,
  })),
  leftOut: fields.count(`${at}.left_out`, self.leftOut),
  refused: self.refused,
  refusedLast: fields.sentence(self.refusedLast),
});

const readConnect = (at: string, one: DialCounts, fields: Fields): ConnectResult => ({
  kind: one.gateway ? 'GATEWAY' : 'ENDPOINT',
  place: { address: fields.address(at, one.address), port: fields.port(at, one.port) },
  cluster: fields.label(at, one.cluster),
  connected: fields.count(at, one.connected),
  unreached: fields.count(at, one.unreached),
  untrusted: fields.count(at, one.untrusted),
  refused: fields.count(at, one.refused),
  silent: fields.count(at, one.silent),
  lastFailureAt: fields.count(at, one.lastFailureAt),
});
