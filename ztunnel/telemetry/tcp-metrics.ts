import type { Workload } from '@isthmus/mesh/state/workload.ts';

/** Istio's TCP labels, in Istio's order. */
export const tcpLabels = [
  ...([
    'reporter',
    'source_workload',
    'source_canonical_service',
    'source_canonical_revision',
    'source_workload_namespace',
  ] as const),
  ...(['source_principal', 'source_app', 'source_version', 'source_cluster', 'destination_service'] as const),
  ...([
    'destination_service_namespace',
    'destination_service_name',
    'destination_workload',
    'destination_canonical_service',
  ] as const),
  ...([
    'destination_canonical_revision',
    'destination_workload_namespace',
    'destination_principal',
    'destination_app',
  ] as const),
  ...([
    'destination_version',
    'destination_cluster',
    'request_protocol',
    'response_flags',
    'connection_security_policy',
  ] as const),
] as const;

export type TcpLabels = Readonly<Record<(typeof tcpLabels)[number], string>>;

export interface End {
  readonly workload:
    | Pick<Workload, 'workloadName' | 'canonicalName' | 'canonicalRevision' | 'namespace' | 'cluster'>
    | undefined;
  readonly identity: string | undefined;
}

export interface TcpFacts {
  readonly reporter: 'source' | 'destination';
  readonly source: End;
  readonly destination: End;
  readonly service:
    { readonly hostname: string; readonly namespace: string; readonly name: string } | undefined;
  readonly flags: '-' | 'DENY' | 'CONNECT' | 'TLS_FAILURE';
  readonly mtls: boolean;
}

const known = (value: string | undefined): string =>
  value === undefined || value === '' ? 'unknown' : value;

export function labelsOf({ reporter, source, destination, service, flags, mtls }: TcpFacts): TcpLabels {
  return {
    reporter,
    ...side('source', source),
    ...side('destination', destination),
    destination_service: known(service?.hostname),
    destination_service_namespace: known(service?.namespace),
    destination_service_name: known(service?.name),
    request_protocol: 'tcp',
    response_flags: flags,
    connection_security_policy: mtls ? 'mutual_tls' : 'unknown',
  } as TcpLabels;
}

function side(name: 'source' | 'destination', { workload, identity }: End): Record<string, string> {
  return {
    [`${name}_workload`]: known(workload?.workloadName),
    [`${name}_canonical_service`]: known(workload?.canonicalName),
    [`${name}_canonical_revision`]: known(workload?.canonicalRevision),
    [`${name}_workload_namespace`]: known(workload?.namespace),
    [`${name}_principal`]: known(identity),
    [`${name}_app`]: known(workload?.canonicalName),
    [`${name}_version`]: known(workload?.canonicalRevision),
    [`${name}_cluster`]: known(workload?.cluster),
  };
}

/** What a worker counts: plain objects that are copied at a scrape. */
export interface Counted {
  readonly labels: TcpLabels;
  opened: number;
  closed: number;
  failed: number;
  received: number;
  sent: number;
}

/** Most label sets that one worker keeps; further ones are counted together under the first's reporter. */
const mostSeries = 5000;

export class TcpMetrics {
  readonly #series = new Map<string, Counted>();

  of(facts: TcpFacts): Counted {
    const labels = labelsOf(facts);
    const key = tcpLabels.map((name) => labels[name]).join('|');
    const known = this.#series.get(key);
    if (known) return known;
    const counted = { labels, opened: 0, closed: 0, failed: 0, received: 0, sent: 0 };
    if (this.#series.size < mostSeries) this.#series.set(key, counted);
    return counted;
  }

  all(): readonly Counted[] {
    return [...this.#series.values()];
  }
}
