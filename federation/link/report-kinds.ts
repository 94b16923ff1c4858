import type { Condition } from '@isthmus/api/domain/condition.ts';
import { formatServiceKey, isLabel } from '@isthmus/api/domain/names.ts';
import { judged } from '@isthmus/api/domain/reasons.ts';
import type { Applied, ClusterReport, Gateway, ServiceReport } from '@isthmus/api/domain/report.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import type { Acknowledgements } from '../observation/acknowledgements.ts';
import { ok, type Result } from '@isthmus/mesh/result.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';
import {
  withApplied,
  withGateways,
  withReport,
  withServices,
  type ReportChanges,
} from '../observation/record-steps.ts';

/** What a report counts towards the limits of its cluster. */
export interface Cost {
  readonly services: number;
  readonly ports: number;
  readonly gateways: number;
}

export interface ReportKind {
  readonly decode: (body: Uint8Array) => Result<unknown, string>;
  /** What is wrong with a resource's name, which must say what its content says; undefined when it does. */
  readonly misnamed: (name: string, report: unknown) => string | undefined;
  readonly cost: (report: unknown) => Cost;
  readonly change: (record: ClusterRecord, changes: ReportChanges<unknown>, asOf: number) => ClusterRecord;
  /** The same report as one object for all clusters; absent: each cluster's own. */
  readonly shared?: (report: unknown, all: Acknowledgements) => unknown;
}

const none: Cost = { services: 0, ports: 0, gateways: 0 };

/** The casts are sound as `decode` is the only source of what the others are given. */
const kind = <T>(of: {
  decode: (body: Uint8Array) => Result<T, string>;
  nameOf: (report: T) => string;
  cost?: (report: T) => Cost;
  change: (record: ClusterRecord, changes: ReportChanges<T>, asOf: number) => ClusterRecord;
}): ReportKind => ({
  decode: of.decode,
  misnamed(name, report) {
    const expected = of.nameOf(report as T);
    return expected === name ? undefined : `its content is that of ${JSON.stringify(expected)}`;
  },
  cost: (report) => of.cost?.(report as T) ?? none,
  change: of.change as ReportKind['change'],
});

/** With the severities that the hub gives to its conditions. */
const judging =
  <T extends { readonly conditions: readonly Condition[] }>(
    decode: (body: Uint8Array) => Result<T, string>,
  ) =>
  (body: Uint8Array): Result<T, string> => {
    const decoded = decode(body);
    if (!decoded.ok) return decoded;
    return ok({ ...decoded.value, conditions: decoded.value.conditions.map(judged) });
  };

const clusterKind = kind<ClusterReport>({
  decode: judging(wire.clusterReport.decode),
  nameOf: () => 'self',
  change: (record, changes, asOf) =>
    changes.reduce((next, [, report]) => (report ? withReport(next, report, asOf) : next), record),
});

const serviceKind = kind<ServiceReport>({
  decode: judging(wire.serviceReport.decode),
  nameOf: formatServiceKey,
  cost: ({ ports }) => ({ services: 1, ports: ports.length, gateways: 0 }),
  change: withServices,
});

const gatewayKind: ReportKind = {
  ...kind<Gateway>({
    decode: wire.gatewayReport.decode,
    nameOf: ({ address }) => address,
    cost: () => ({ services: 0, ports: 0, gateways: 1 }),
    change: withGateways,
  }),
  misnamed(name, report) {
    const { address } = report as Gateway;
    const [namespace = '', service = '', last, ...more] = name.split('/');
    const isWhole = isLabel(namespace) && isLabel(service) && last === address && more.length === 0;
    return isWhole ? undefined : `a gateway is named <namespace>/<service>/${address}`;
  },
};

const appliedKind: ReportKind = {
  ...kind<Applied>({
    decode: wire.appliedReport.decode,
    nameOf: ({ subject }) => subject,
    change: withApplied,
  }),
  shared: (report, all) => all.intern(report as Applied),
};

/** By the type of the resource on the link. */
export const reportKinds: Readonly<Record<string, ReportKind>> = {
  cluster: clusterKind,
  service: serviceKind,
  gateway: gatewayKind,
  applied: appliedKind,
};
