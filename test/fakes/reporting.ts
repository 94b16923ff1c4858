import { defaultLimits, type ClusterLimits } from '@isthmus/api/domain/limits.ts';
import type { HealthReport, ServiceHealth, ServiceReport } from '@isthmus/api/domain/report.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { withinLimits } from '../../federation/link/limited-health.ts';
import { Reports } from '../../federation/link/reports.ts';
import type { ClusterRecord } from '../../federation/observation/cluster-record.ts';
import { withHealth, withHealthRejections } from '../../federation/observation/health-steps.ts';
import { emptyRecord } from '../../federation/observation/record-steps.ts';
import { aGateway, aHealth, aService } from './agent.ts';

export const resource = (name: string, body: Uint8Array) => ({ name, version: contentVersion(body), body });

export const service = (name: string, over: Partial<ServiceReport> = {}, as = `shop/${name}`) =>
  resource(as, wire.serviceReport.encode(aService(name, over)));

export const gateway = (address: string) =>
  resource(`istio-system/gw/${address}`, wire.gatewayReport.encode(aGateway('east', { address })));

/** A service whose report is as many bytes longer as its hostname is. */
export const hosted = (n: number, name = 's') => service(name, { hostname: `${'x'.repeat(n)}.example` });

export const port = (n: number) => ({ name: `p${n}`, port: 1 + n, targetPort: 0, appProtocol: '' });

/** Counts of a service with so many endpoints. */
export const health = (name: string, total: number): ServiceHealth => ({
  ...aHealth(name),
  groups: [{ region: 'r1', zone: 'z1', transport: 'hbone', total, healthy: total }],
});

export const report = (...services: HealthReport['services']): HealthReport => ({
  sequence: 1,
  sentAt: 0,
  proxiesConnected: 1,
  workloads: 1,
  services,
  unreadable: [],
});

/** A cluster's reports and what the hub knows by them. */
export class Reporting {
  readonly reports: Reports;
  readonly #limits: ClusterLimits;
  record: ClusterRecord = emptyRecord('east', 0);

  constructor(limits: Partial<ClusterLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
    this.reports = new Reports(this.#limits);
  }

  /** The names that are rejected. */
  put(type: string, resources: readonly ReturnType<typeof resource>[], removed: readonly string[] = []) {
    const { change, rejected } = this.reports.apply(type, resources, removed, 1);
    this.record = change(this.record);
    return rejected.map(({ name }) => name);
  }

  /** Takes a report of endpoint counts; the names of the services that are rejected. */
  count(...services: HealthReport['services']) {
    const counts = report(...services);
    const { report: taken, rejected } = withinLimits(counts, this.record, this.#limits);
    this.record = withHealthRejections(withHealth(this.record, taken, 1), counts, rejected, 1);
    return rejected.map(({ service: name }) => name);
  }

  get names(): readonly string[] {
    return [...this.record.services.keys()];
  }
}
