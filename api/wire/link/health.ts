import { recordLimits } from '../../domain/limits.ts';
import {
  formatServiceKey,
  isLabel,
  parseServiceKey,
  serviceNameOf,
  type ServiceKey,
} from '../../domain/names.ts';
import type {
  HealthAnswer,
  HealthChanges,
  HealthReport,
  ServiceHealth,
  UnreadableHealth,
} from '../../domain/report.ts';
import {
  HealthAckSchema,
  HealthReportSchema,
  type HealthReport as WireReport,
  type ServiceHealth as WireHealth,
} from '../../gen/isthmus/link_pb.js';
import { codec, decodeMessage, encodeMessage, type Codec } from '../binary.ts';
import { Fields } from '../fields.ts';
import { readGroup, writeGroup } from './shapes.ts';

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
  encode: ({ sequence, sentAt, proxiesConnected, workloads, services, partial = false, changes }) =>
    joined([
      encodeMessage(HealthReportSchema, {
        sequence: BigInt(sequence),
        sentAt: BigInt(Math.trunc(sentAt)),
        proxiesConnected,
        workloads,
      }),
      ...services.map(encodeServiceHealth),
      encodeMessage(HealthReportSchema, {
        partial,
        base: BigInt(changes?.base ?? 0),
        removed: [...(changes?.removed ?? [])],
      }),
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

/** What of a report cannot be read costs only itself. Of a service that is named twice the last counts hold. */
function readHealthReport(report: WireReport): HealthReport {
  const read = report.services.map(readServiceHealth);
  const services = new Map(
    read.flatMap((one) => ('groups' in one ? [[formatServiceKey(one), one] as const] : [])),
  );
  const gone = report.partial || report.base === 0n ? undefined : report.removed.map(readRemoved);
  return {
    sequence: clamped(report.sequence),
    sentAt: clamped(report.sentAt),
    proxiesConnected: Math.min(report.proxiesConnected, most32),
    workloads: Math.min(report.workloads, most32),
    services: [...services.values()],
    ...(report.partial && { partial: true }),
    ...(gone && { changes: changesOf(report, gone, services) }),
    unreadable: [...read, ...(gone ?? [])].flatMap((one) =>
      typeof one === 'object' && 'why' in one ? [one] : [],
    ),
  };
}

function changesOf(
  { base }: WireReport,
  gone: readonly (ServiceKey | UnreadableHealth)[],
  services: { has(service: ServiceKey): boolean },
): HealthChanges {
  const removed = new Set(
    gone.flatMap((one) => (typeof one === 'string' && !services.has(one) ? [one] : [])),
  );
  return { base: clamped(base), removed: [...removed] };
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
  return { service: named(`${service.namespace}/${service.name}`), why: fields.problem, limit: undefined };
}

function readRemoved(service: string, i: number): ServiceKey | UnreadableHealth {
  const key = parseServiceKey(service);
  if (key !== undefined && Object.values(serviceNameOf(key)).every(isLabel)) return key;
  const why = `removed[${i}]: ${JSON.stringify(service.slice(0, 60))} is not <namespace>/<name>, two DNS labels`;
  return { service: named(service), why, limit: undefined };
}

const named = (service: string): string => new Fields().sentence(service).slice(0, 130);

/** What the hub says of the newest report that it has read. A hub that knows no changes says only the sequence. */
export const healthAck: Codec<HealthAnswer> = codec(
  HealthAckSchema,
  ({ sequence, takesChanges, isRefused }) => ({
    sequence: BigInt(sequence),
    takesChanges,
    refused: isRefused,
  }),
  ({ sequence, takesChanges, refused }, fields): HealthAnswer => ({
    sequence: fields.count('sequence', sequence),
    takesChanges,
    isRefused: refused,
  }),
);
