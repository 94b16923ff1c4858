import { recordLimits } from '../../domain/limits.ts';
import type { Applied, ClusterReport, Gateway, ServiceReport } from '../../domain/report.ts';
import {
  AppliedSchema,
  ClusterInfoSchema,
  ClusterServiceSchema,
  GatewaySchema,
} from '../../gen/isthmus/link_pb.js';
import { codec, sortedRecord, type Codec } from '../binary.ts';
import type { Fields } from '../fields.ts';
import { readProperties, writeProperties } from './global-properties.ts';
import {
  copies,
  readCondition,
  readCounts,
  readGateway,
  readIdentities,
  readPorts,
  readRejection,
  writeCounts,
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
    ...(report.properties && { properties: writeProperties(report.properties) }),
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
    ...(service.properties && { properties: readProperties(service.properties, fields) }),
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
