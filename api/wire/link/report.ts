import { recordLimits } from '../../domain/limits.ts';
import type {
  Applied,
  ClusterReport,
  Gateway,
  HealthReport,
  ServiceHealth,
  ServiceReport,
  UnreadableHealth,
} from '../../domain/report.ts';
import {
  AppliedSchema,
  ClusterInfoSchema,
  ClusterServiceSchema,
  GatewaySchema,
  HealthAckSchema,
  HealthReportSchema,
  type HealthReport as WireReport,
  type ServiceHealth as WireHealth,
} from '../../gen/isthmus/link_pb.js';
import { codec, decodeMessage, encodeMessage, sortedRecord, type Codec } from '../binary.ts';
import { Fields } from '../fields.ts';
import {
  copies,
  readCondition,
  readCounts,
  readGateway,
  readGroup,
  readIdentities,
  readPorts,
  readRejection,
  writeCounts,
  writeGroup,
} from './shapes.ts';

const modeNames = ['AMBIENT', 'SIDECAR', 'NONE', 'GATEWAY'] as const;

const modes = (counts: Readonly<Record<string, number>>, fields: Fields): Record<string, number> =>
  Object.fromEntries(
    Object.entries(counts).map(([mode, count]) => [
      fields.word('workloads_by_mode', mode, modeNames),
      fields.count32(`workloads_by_mode[${mode}]`, count),
    ]),
  );

/** Type `cluster`, named `self`. */
export const clusterReport: Codec<ClusterReport> = codec(
  ClusterInfoSchema,
  (report) => ({
    agentVersion: report.agentVersion,
    network: report.network,
    nodes: copies(report.nodes),
    workloadsByMode: sortedRecord(Object.entries(report.workloadsByMode)),
    conditions: copies(report.conditions),
    rejections: copies(report.rejections),
    rejectionCounts: writeCounts(report.rejectionCounts),
  }),
  (info, fields): ClusterReport => ({
    agentVersion: fields.tokenOrNone('agent_version', info.agentVersion),
    network: fields.tokenOrNone('network', info.network),
    nodes: fields.list('nodes', info.nodes, recordLimits.nodes).map(({ name, region, zone }, i) => ({
      name: fields.dnsName(`nodes[${i}].name`, name),
      region: fields.tokenOrNone(`nodes[${i}].region`, region),
      zone: fields.tokenOrNone(`nodes[${i}].zone`, zone),
    })),
    workloadsByMode: modes(info.workloadsByMode, fields),
    conditions: fields
      .list('conditions', info.conditions, recordLimits.conditions)
      .map((condition, i) => readCondition(`conditions[${i}]`, condition, fields)),
    rejections: info.rejections.map((rejection, i) => readRejection(`rejections[${i}]`, rejection, fields)),
    rejectionCounts: readCounts(info.rejectionCounts),
  }),
);

/** Type `service`, named `<namespace>/<name>`. */
export const serviceReport: Codec<ServiceReport> = codec(
  ClusterServiceSchema,
  (report) => ({
    namespace: report.namespace,
    name: report.name,
    hostname: report.hostname,
    ports: copies(report.ports),
    exportRequested: report.exportRequested,
    subjectAltNames: [...report.subjectAltNames],
    conditions: copies(report.conditions),
  }),
  (service, fields): ServiceReport => ({
    namespace: fields.label('namespace', service.namespace),
    name: fields.label('name', service.name),
    hostname: fields.dnsName('hostname', service.hostname),
    ports: readPorts(service.ports, fields),
    exportRequested: service.exportRequested,
    subjectAltNames: readIdentities(service, fields),
    conditions: fields
      .list('conditions', service.conditions, recordLimits.conditions)
      .map((condition, i) => readCondition(`conditions[${i}]`, condition, fields)),
  }),
);

/** Type `gateway`, named `<namespace>/<name>/<address>`. */
export const gatewayReport: Codec<Gateway> = codec(
  GatewaySchema,
  (gateway) => ({ ...gateway }),
  (gateway, fields) => readGateway('', gateway, fields),
);

/** Type `applied`, named by its subject. */
export const appliedReport: Codec<Applied> = codec(
  AppliedSchema,
  (applied) => ({ ...applied }),
  (applied, fields): Applied => ({
    subject: fields.token('subject', applied.subject),
    version: fields.tokenOrNone('version', applied.version),
    state: fields.word('state', applied.state, ['APPLIED', 'PENDING', 'REJECTED']),
    message: fields.sentence(applied.message),
    proxies: fields.count32('proxies', applied.proxies),
  }),
);

/** The counts of a service as the report has them. One that stays as it is is encoded once: records never change. */
const encodedHealth = new WeakMap<ServiceHealth, Uint8Array>();

function encodeServiceHealth(health: ServiceHealth): Uint8Array {
  const known = encodedHealth.get(health);
  if (known) return known;
  const { namespace, name, groups } = health;
  const bytes = encodeMessage(HealthReportSchema, {
    services: [{ namespace, name, groups: groups.map(writeGroup) }],
  });
  encodedHealth.set(health, bytes);
  return bytes;
}

/** Messages that are put one behind the other are one message, of which lists have the items of all (protobuf). */
export const healthReport: Codec<HealthReport> = {
  encode: ({ sequence, sentAt, proxiesConnected, workloads, services, partial = false }) =>
    joined([
      encodeMessage(HealthReportSchema, {
        sequence: BigInt(sequence),
        sentAt: BigInt(Math.trunc(sentAt)),
        proxiesConnected,
        workloads,
      }),
      ...services.map(encodeServiceHealth),
      encodeMessage(HealthReportSchema, { partial }),
    ]),
  decode: (bytes) => decodeMessage(HealthReportSchema, bytes, readHealthReport),
};

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A report that is whole replaces the one before, so what of it cannot be read costs only itself. */
function readHealthReport(report: WireReport): HealthReport {
  const read = report.services.map(readServiceHealth);
  return {
    sequence: clamped(report.sequence),
    sentAt: clamped(report.sentAt),
    proxiesConnected: Math.min(report.proxiesConnected, most32),
    workloads: Math.min(report.workloads, most32),
    services: read.flatMap((one) => ('groups' in one ? [one] : [])),
    ...(report.partial && { partial: true }),
    unreadable: read.flatMap((one) => ('why' in one ? [one] : [])),
  };
}

const most32 = 2 ** 31 - 1;

const clamped = (value: bigint): number =>
  Number(value < BigInt(Number.MAX_SAFE_INTEGER) ? value : Number.MAX_SAFE_INTEGER);

function readServiceHealth(service: WireHealth): ServiceHealth | UnreadableHealth {
  const fields = new Fields();
  const health: ServiceHealth = {
    namespace: fields.label('namespace', service.namespace),
    name: fields.label('name', service.name),
    groups: fields
      .list('groups', service.groups, recordLimits.groupsOfService)
      .map((group, i) => readGroup(`groups[${i}]`, group, fields)),
  };
  if (fields.problem === undefined) return health;
  const named = fields.sentence(`${service.namespace}/${service.name}`).slice(0, 130);
  return { service: named, why: fields.problem, limit: undefined };
}

/** The sequence of the newest report that the hub has taken in. */
export const healthAck: Codec<number> = codec(
  HealthAckSchema,
  (sequence) => ({ sequence: BigInt(sequence) }),
  ({ sequence }, fields) => fields.count('sequence', sequence),
);
