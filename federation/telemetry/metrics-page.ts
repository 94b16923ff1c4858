import { Counter, Gauge, Registry } from 'prom-client';
import type { Now } from '../state/now.ts';
import type { Epoch } from '../store/store.ts';
import type { CommitCounts } from './counted-store.ts';

interface Sources {
  /** Undefined while the hub starts. */
  readonly snapshot: Now | undefined;
  readonly epoch: Epoch;
  readonly fenced: boolean;
  readonly problem: string | undefined;
  readonly commits: Readonly<CommitCounts>;
  /** Cluster to how many of its reports were refused since the start. */
  readonly refusedReports: ReadonlyMap<string, number>;
  readonly ready: boolean;
}

/** The hub's metrics in Prometheus' text format, computed at each scrape. */
export async function metricsPage(sources: Sources): Promise<{ text: string; contentType: string }> {
  const registry = new Registry();
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name: `isthmus_hub_${name}`, help, registers: [registry] }).set(value);
  gauge('epoch', 'Fencing epoch of this hub, 0 before it has one', sources.epoch);
  gauge('fenced', '1 when another hub has replaced this one', Number(sources.fenced));
  gauge('store_failed', '1 when nothing can be written any more', Number(sources.problem !== undefined));
  gauge('ready', '1 when /readyz answers 200', Number(sources.ready));
  const commits = new Counter({
    name: 'isthmus_hub_commits_total',
    help: 'Commits asked of the store since the start, by result',
    labelNames: ['result'],
    registers: [registry],
  });
  for (const [result, count] of Object.entries(sources.commits)) commits.inc({ result }, count);
  const reports = new Counter({
    name: 'isthmus_hub_reports_refused_total',
    help: 'Reports that were refused, by cluster',
    labelNames: ['cluster'],
    registers: [registry],
  });
  for (const [cluster, count] of sources.refusedReports) reports.inc({ cluster }, count);
  if (sources.snapshot) ofSnapshot(registry, sources.snapshot, gauge);
  return { text: await registry.metrics(), contentType: registry.contentType };
}

function ofSnapshot(
  registry: Registry,
  { intent, observed }: Now,
  gauge: (name: string, help: string, value: number) => void,
): void {
  const records = [...observed.values()];
  gauge('revision', 'Revision of the intent', intent.revision);
  gauge(
    'links_connected',
    'Agents that are connected',
    records.filter(({ link }) => link.kind === 'CONNECTED').length,
  );
  const refused = records.reduce((sum, { refused }) => sum + refused.size, 0);
  gauge(
    'resources_refused',
    'Resources of which agents keep an earlier version, as they refused the newest',
    refused,
  );
  byLabel(
    registry,
    'clusters',
    'Clusters that are known, by admission',
    'admission',
    [...intent.clusters.values()].map(({ value }) => value.admission),
  );
  byLabel(
    registry,
    'operations',
    'Operations that are kept, by state',
    'state',
    [...intent.operations.values()].map(({ value }) => value.state),
  );
  const conditions = records.flatMap(({ conditions }) => conditions.map(({ severity }) => severity));
  byLabel(registry, 'conditions', 'Conditions that agents report, by severity', 'severity', conditions);
}

function byLabel(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  values: readonly string[],
): void {
  const gauge = new Gauge({
    name: `isthmus_hub_${name}`,
    help,
    labelNames: [label],
    registers: [registry],
  });
  for (const value of values) gauge.inc({ [label]: value });
}
