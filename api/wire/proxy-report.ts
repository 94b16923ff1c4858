import { err } from '@isthmus/mesh/result.ts';
import {
  proxyReportLimits,
  type ConnectResult,
  type DestinationLoad,
  type HeldCertificate,
  type Place,
  type ProxyReport,
  type ReadReport,
  type RefusedEntry,
  type UnboundPort,
} from '../domain/proxy-report.ts';
import {
  PeerKind,
  ProxyReportEndSchema,
  ProxyReportSchema,
  type ConnectResult as WireConnect,
  type DestinationLoad as WireDestination,
  type HeldCertificate as WireCertificate,
  type Place as WirePlace,
  type ProxyReport as WireReport,
  type UnboundPort as WireUnbound,
} from '../gen/isthmus/proxy_pb.js';
import { codec, type Codec } from './binary.ts';
import { Fields } from './fields.ts';

/** Proxy to agent. Refuses a message that is none, or is too long; refuses single entries within it by themselves. */
export const proxyReport: Codec<ReadReport> = {
  encode: (report) => message.encode(report),
  decode(bytes) {
    const { bytes: max } = proxyReportLimits;
    return bytes.length > max
      ? err(`the report has ${bytes.length} bytes, more than ${max}: send it in several messages`)
      : message.decode(bytes);
  },
};

const message: Codec<ReadReport> = codec(ProxyReportSchema, writeReport, (sent) => readReport(sent));

/** Of a message whose length is known to be bounded. */
export function readReport(sent: WireReport): ReadReport {
  const refused: RefusedEntry[] = [];
  const read = <W, T>(
    field: string,
    entries: readonly W[],
    one: (entry: W, fields: Fields) => T,
  ): readonly T[] =>
    entries.flatMap((entry) => {
      const fields = new Fields();
      const value = one(entry, fields);
      if (fields.problem === undefined) return [value];
      refused.push({ field, why: fields.problem });
      return [];
    });
  return {
    nodeId: sent.nodeId,
    certificates: read('certificates', sent.certificates, readCertificate),
    forgotten: read('forgotten', sent.forgotten, (identity, fields) => readIdentity(identity, fields)),
    unbound: read('unbound', sent.unbound, readUnbound),
    bound: read('bound', sent.bound, readPlace),
    openConnections: sent.openConnections,
    connects: read('connects', sent.connects, readConnect),
    destinations: read('destinations', sent.destinations, readDestination),
    leftOut: clamped(sent.leftOut),
    startedAt: clamped(sent.startedAt),
    refused,
  };
}

/** Agent to proxy, at the end of the stream. */
export const proxyReportEnd: Codec<object> = codec(
  ProxyReportEndSchema,
  () => ({}),
  () => ({}),
);

/** Parts of messages that others hold. */
export function writeReport(report: ProxyReport) {
  const { openConnections, leftOut, startedAt } = report;
  return {
    nodeId: report.nodeId,
    certificates: report.certificates.map(writeCertificate),
    forgotten: [...report.forgotten],
    unbound: report.unbound.map(writeUnbound),
    bound: report.bound.map((place) => ({ ...place })),
    ...(openConnections !== undefined && { openConnections }),
    connects: report.connects.map(writeConnect),
    destinations: report.destinations.map(writeDestination),
    leftOut: BigInt(leftOut),
    startedAt: BigInt(startedAt),
  };
}

/** Parts of reports that answers of the link hold too. */
export const writeCertificate = ({ notAfter, ...rest }: HeldCertificate) => ({
  ...rest,
  notAfter: BigInt(notAfter),
});

export const writeUnbound = ({ place, code }: UnboundPort) => ({ place: { ...place }, code });

export const writeDestination = ({ service, requests, failures, inFlight }: DestinationLoad) => ({
  service,
  requests: BigInt(requests),
  failures: BigInt(failures),
  inFlight,
});

export const writeConnect = ({ kind, place, cluster, ...counts }: ConnectResult) => ({
  kind: PeerKind[kind],
  place: { ...place },
  cluster,
  connected: BigInt(counts.connected),
  unreached: BigInt(counts.unreached),
  untrusted: BigInt(counts.untrusted),
  refused: BigInt(counts.refused),
  silent: BigInt(counts.silent),
  lastFailureAt: BigInt(counts.lastFailureAt),
});

export function readCertificate(entry: WireCertificate | undefined, fields: Fields): HeldCertificate {
  const { identity = '', serial = '', issuerKeyId = '', notAfter = 0n, problem = '' } = entry ?? {};
  return {
    identity: readIdentity(identity, fields),
    serial: readHex('serial', serial, 40, fields),
    issuerKeyId: readHex('issuer_key_id', issuerKeyId, 64, fields),
    notAfter: fields.count('not_after', notAfter),
    problem: problem === '' ? '' : readCode('problem', problem, fields),
  };
}

const longestIdentity = 2048;

function readIdentity(identity: string, fields: Fields): string {
  if (identity.length > longestIdentity)
    fields.refuse('identity', `has ${identity.length} characters, more than ${longestIdentity}`);
  return fields.identity('identity', identity.slice(0, longestIdentity + 1));
}

function readHex(field: string, text: string, longest: number, fields: Fields): string {
  if (text.length > longest || !/^[0-9a-f]*$/.test(text))
    fields.refuse(field, `is not 0 to ${longest} digits of lower-case hex`);
  return text;
}

const longestCode = 64;

function readCode(field: string, text: string, fields: Fields): string {
  if (text.length > longestCode || !/^[A-Z0-9_]+$/.test(text))
    fields.refuse(field, `is not 1 to ${longestCode} upper-case letters, digits and underscores`);
  return text;
}

function readPlace(place: WirePlace | undefined, fields: Fields): Place {
  return {
    address: fields.address('place.address', place?.address ?? ''),
    port: fields.port('place.port', place?.port ?? 0),
  };
}

export const readUnbound = ({ place, code }: WireUnbound, fields: Fields): UnboundPort => ({
  place: readPlace(place, fields),
  code: readCode('code', code, fields),
});

export const readConnect = (entry: WireConnect, fields: Fields): ConnectResult => ({
  kind: fields.name('kind', entry.kind, { ENDPOINT: PeerKind.ENDPOINT, GATEWAY: PeerKind.GATEWAY }),
  place: readPlace(entry.place, fields),
  cluster: fields.label('cluster', entry.cluster),
  connected: fields.count('connected', entry.connected),
  unreached: fields.count('unreached', entry.unreached),
  untrusted: fields.count('untrusted', entry.untrusted),
  refused: fields.count('refused', entry.refused),
  silent: fields.count('silent', entry.silent),
  lastFailureAt: fields.count('last_failure_at', entry.lastFailureAt),
});

export const readDestination = (entry: WireDestination, fields: Fields): DestinationLoad => ({
  service: fields.token('service', entry.service),
  requests: fields.count('requests', entry.requests),
  failures: fields.count('failures', entry.failures),
  inFlight: fields.count32('in_flight', entry.inFlight),
});

const clamped = (value: bigint): number =>
  value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
