import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { Protocol } from './forwarder.ts';

/** Istio's labels of questions, in Istio's order. */
export const dnsLabels = [
  'request_query_type',
  'request_protocol',
  'source_canonical_service',
  'source_canonical_revision',
] as const;
export type DnsLabels = Readonly<Record<(typeof dnsLabels)[number], string>>;

/** Upper bounds of the histogram's buckets, seconds; upstream's. */
export const durationBuckets = [0.0005, 0.001, 0.01, 0.1, 1, 5] as const;

/** What a worker has counted under one label set. */
export interface DnsCounted {
  readonly labels: DnsLabels;
  requests: number;
  forwarded: number;
  /** Of those that were forwarded: no resolver has answered, or none that could. */
  failures: number;
  /** Of those that were forwarded, by bucket: each that took no longer. */
  readonly within: number[];
  seconds: number;
}

/** Istio's counters of questions of one worker. The label set that was used longest ago gives way to a new one. */
export class DnsMetrics {
  readonly #max: number;
  readonly #series = new Map<string, DnsCounted>();

  constructor(max = 1000) {
    this.#max = max;
  }

  /** `type` is undefined of a message that could not be read. Counts the question, and gives what counts the rest of it. */
  asked(
    type: string | undefined,
    protocol: Protocol,
    source: Pick<Workload, 'canonicalName' | 'canonicalRevision'> | undefined,
  ): DnsCounted {
    const labels: DnsLabels = {
      request_query_type: type === undefined || type.startsWith('UNKNOWN') ? 'unknown' : type.toLowerCase(),
      request_protocol: protocol,
      source_canonical_service: source?.canonicalName || 'unknown',
      source_canonical_revision: source?.canonicalRevision || 'unknown',
    };
    const counted = this.#take(labels);
    counted.requests++;
    return counted;
  }

  all(): readonly DnsCounted[] {
    return [...this.#series.values()];
  }

  #take(labels: DnsLabels): DnsCounted {
    const key = dnsLabels.map((name) => labels[name]).join('|');
    const counted = this.#series.get(key) ?? newSeries(labels);
    this.#series.delete(key);
    this.#series.set(key, counted);
    if (this.#series.size > this.#max) this.#series.delete(this.#series.keys().next().value ?? '');
    return counted;
  }
}

const newSeries = (labels: DnsLabels): DnsCounted => ({
  labels,
  requests: 0,
  forwarded: 0,
  failures: 0,
  within: durationBuckets.map(() => 0),
  seconds: 0,
});

/** Counts a question that was forwarded, once its time is known. */
export function countForwarded(counted: DnsCounted, seconds: number, isAnswered: boolean): void {
  counted.forwarded++;
  if (!isAnswered) counted.failures++;
  counted.seconds += seconds;
  durationBuckets.forEach((bound, i) => {
    if (seconds <= bound) counted.within[i] = (counted.within[i] ?? 0) + 1;
  });
}
