import type {
  Applied,
  ClusterReport,
  Gateway,
  HealthReport,
  ServiceHealth,
  ServiceReport,
} from '../../domain/report.ts';
import {
  AppliedSchema,
  ClusterInfoSchema,
  ClusterServiceSchema,
  GatewaySchema,
  HealthAckSchema,
  HealthReportSchema,
  type ServiceHealth as WireHealth,
} from '../../gen/isthmus/link_pb.js';
import { codec, sortedRecord, type Codec } from '../binary.ts';
import type { Fields } from '../fields.ts';
import {
  copies,
  readCondition,
  readCounts,
  readGateway,
  readGroup,
  readPort,
  readRejection,
  writeCounts,
  writeGroup,
} from './shapes.ts';

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
    agentVersion: info.agentVersion,
    network: info.network,
    nodes: info.nodes.map(({ name, region, zone }, i) => ({
      name: fields.text(`nodes[${i}].name`, name),
      region,
      zone,
    })),
    workloadsByMode: { ...info.workloadsByMode },
    conditions: info.conditions.map((condition, i) => readCondition(`conditions[${i}]`, condition, fields)),
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
    namespace: fields.text('namespace', service.namespace),
    name: fields.text('name', service.name),
    hostname: fields.text('hostname', service.hostname),
    ports: service.ports.map((port, i) => readPort(`ports[${i}]`, port, fields)),
    exportRequested: service.exportRequested,
    subjectAltNames: service.subjectAltNames,
    conditions: service.conditions.map((condition, i) =>
      readCondition(`conditions[${i}]`, condition, fields),
    ),
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
    subject: fields.text('subject', applied.subject),
    version: applied.version,
    state: fields.word('state', applied.state, ['APPLIED', 'PENDING', 'REJECTED']),
    message: applied.message,
    proxies: applied.proxies,
  }),
);

export const healthReport: Codec<HealthReport> = codec(
  HealthReportSchema,
  (report) => ({
    sequence: BigInt(report.sequence),
    sentAt: BigInt(Math.trunc(report.sentAt)),
    proxiesConnected: report.proxiesConnected,
    workloads: report.workloads,
    services: report.services.map(({ namespace, name, groups }) => ({
      namespace,
      name,
      groups: groups.map(writeGroup),
    })),
    partial: report.partial ?? false,
  }),
  (report, fields): HealthReport => ({
    sequence: fields.count('sequence', report.sequence),
    sentAt: fields.count('sent_at', report.sentAt),
    proxiesConnected: report.proxiesConnected,
    workloads: report.workloads,
    services: report.services.map((service, i) => readServiceHealth(`services[${i}]`, service, fields)),
    ...(report.partial && { partial: true }),
  }),
);

const readServiceHealth = (at: string, service: WireHealth, fields: Fields): ServiceHealth => ({
  namespace: fields.text(`${at}.namespace`, service.namespace),
  name: fields.text(`${at}.name`, service.name),
  groups: service.groups.map((group, i) => readGroup(`${at}.groups[${i}]`, group, fields)),
});

/** The sequence of the newest report that the hub has taken in. */
export const healthAck: Codec<number> = codec(
  HealthAckSchema,
  (sequence) => ({ sequence: BigInt(sequence) }),
  ({ sequence }, fields) => fields.count('sequence', sequence),
);
