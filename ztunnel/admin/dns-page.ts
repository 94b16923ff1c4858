import { Counter, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';
import { dnsLabels, durationBuckets, type DnsCounted } from '../dns/metrics.ts';

const counters = {
  requests: ['istio_dns_requests_total', 'Questions of pods for names'],
  forwarded: ['istio_dns_upstream_requests_total', 'Questions that were forwarded to resolvers'],
  failures: ['istio_dns_upstream_failures_total', 'Forwarded questions that no resolver could answer'],
} as const;

const histogram = {
  name: 'istio_dns_upstream_request_duration_seconds',
  help: 'Time until resolvers have answered a forwarded question',
} as const;

/** Istio's metrics of DNS, of all workers together. */
export function addDns(registers: Registry[], counted: readonly DnsCounted[]): void {
  for (const [field, [name, help]] of Object.entries(counters)) {
    const counter = new Counter({ name, help, labelNames: [...dnsLabels], registers });
    for (const one of counted) counter.inc({ ...one.labels }, one[field as keyof typeof counters]);
  }
  // A histogram of prom-client takes what is observed one by one; these have been counted already.
  const values = [...summed(counted).values()].flatMap(valuesOf);
  const metric = { ...histogram, type: 'histogram', values, aggregator: 'sum' };
  const made = { name: histogram.name, get: () => Promise.resolve(metric) };
  for (const registry of registers) registry.registerMetric(made as never);
}

function valuesOf({ labels, forwarded, within, seconds }: DnsCounted): readonly Value[] {
  const bucket = (le: number | string, value: number): Value => ({
    metricName: `${histogram.name}_bucket`,
    labels: { ...labels, le },
    value,
  });
  return [
    ...durationBuckets.map((bound, i) => bucket(bound, within[i] ?? 0)),
    bucket('+Inf', forwarded),
    { metricName: `${histogram.name}_sum`, labels, value: seconds },
    { metricName: `${histogram.name}_count`, labels, value: forwarded },
  ];
}

type Value = MetricObjectWithValues<MetricValue<string>>['values'][number] & { readonly metricName: string };

/** Several workers have counted under one label set. What was never forwarded has no duration. */
function summed(counted: readonly DnsCounted[]): ReadonlyMap<string, DnsCounted> {
  const sums = new Map<string, DnsCounted>();
  for (const one of counted) {
    if (one.forwarded === 0) continue;
    const key = dnsLabels.map((name) => one.labels[name]).join('|');
    const sum = sums.get(key);
    sums.set(key, {
      ...one,
      forwarded: one.forwarded + (sum?.forwarded ?? 0),
      seconds: one.seconds + (sum?.seconds ?? 0),
      within: one.within.map((value, i) => value + (sum?.within[i] ?? 0)),
    });
  }
  return sums;
}
