import type { Workload } from '@isthmus/mesh/state/workload.ts';

/** Istio's TCP labels, in Istio's order. */
export const tcpLabels = [
  'reporter',
  'source_workload',
  'source_canonical_service',
  'source_canonical_revision',
  'source_workload_namespace',
  'source_principal',
  'source_app',
  'source_version',
  'source_cluster',
  'destination_service',
  'destination_service_namespace',
  'destination_service_name',
  'destination_workload',
  'destination_canonical_service',
  'destination_canonical_revision',
  'destination_workload_namespace',
  'destination_principal',
  'destination_app',
  'destination_version',
  'destination_cluster',
  'request_protocol',
  'response_flags',
  'connection_security_policy',
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
  readonly flags: '-' | 'DENY' | 'CONNECT' | 'TLS_FAILURE' | 'CERT_REVOKED';
  readonly mtls: boolean;
}

const known = (value: string | undefined): string =>
  value === undefined || value === '' ? 'unknown' : value;

export function labelsOf({ reporter, service, flags, mtls, ...ends }: TcpFacts): TcpLabels {
  const [source, destination] = [sideOf(ends.source), sideOf(ends.destination)];
  return {
    reporter,
    source_workload: source.workload,
    source_canonical_service: source.name,
    source_canonical_revision: source.revision,
    source_workload_namespace: source.namespace,
    source_principal: source.principal,
    source_app: source.name,
    source_version: source.revision,
    source_cluster: source.cluster,
    destination_service: known(service?.hostname),
    destination_service_namespace: known(service?.namespace),
    destination_service_name: known(service?.name),
    destination_workload: destination.workload,
    destination_canonical_service: destination.name,
    destination_canonical_revision: destination.revision,
    destination_workload_namespace: destination.namespace,
    destination_principal: destination.principal,
    destination_app: destination.name,
    destination_version: destination.revision,
    destination_cluster: destination.cluster,
    request_protocol: 'tcp',
    response_flags: flags,
    connection_security_policy: mtls ? 'mutual_tls' : 'unknown',
  };
}

/** One end as its labels have it: Istio's app and version are the canonical name and revision. */
const sideOf = ({ workload, identity }: End) => ({
  workload: known(workload?.workloadName),
  name: known(workload?.canonicalName),
  revision: known(workload?.canonicalRevision),
  namespace: known(workload?.namespace),
  principal: known(identity),
  cluster: known(workload?.cluster),
});

/** What a worker counts: plain objects that are copied at a scrape. */
export interface Counted {
  readonly labels: TcpLabels;
  opened: number;
  closed: number;
  failed: number;
  received: number;
  sent: number;
}

/** Most label sets that one worker keeps; what comes after is counted with every name unknown. */
const mostSeries = 5000;

const nobody: End = { workload: undefined, identity: undefined };

/** Bytes of a connection that lives, as its relay counts them. */
interface LiveBytes {
  /** From client to server. */
  received: number;
  sent: number;
}

export class TcpMetrics {
  readonly #series = new Map<string, Counted>();
  readonly #live = new Set<() => void>();

  of(facts: TcpFacts): Counted {
    const labels = labelsOf(facts);
    const found = this.#series.get(keyOf(labels));
    if (found) return found;
    const { reporter, flags, mtls } = facts;
    return this.#series.size < mostSeries
      ? this.#add(labels)
      : this.#add(
          labelsOf({ reporter, flags, mtls, source: nobody, destination: nobody, service: undefined }),
        );
  }

  /** Counts one connection from its opening to the returned call; its bytes show while it lives. */
  open(facts: Omit<TcpFacts, 'flags'>, bytes: () => LiveBytes): () => void {
    const counted = this.of({ ...facts, flags: '-' });
    const shown: LiveBytes = { received: 0, sent: 0 };
    const show = () => {
      const { received, sent } = bytes();
      counted.received += received - shown.received;
      counted.sent += sent - shown.sent;
      Object.assign(shown, { received, sent });
    };
    counted.opened++;
    this.#live.add(show);
    return () => {
      if (!this.#live.delete(show)) return;
      show();
      counted.closed++;
    };
  }

  /** Up to this moment. */
  all(): readonly Counted[] {
    for (const show of this.#live) show();
    return [...this.#series.values()];
  }

  #add(labels: TcpLabels): Counted {
    const key = keyOf(labels);
    const counted = this.#series.get(key) ?? {
      labels,
      opened: 0,
      closed: 0,
      failed: 0,
      received: 0,
      sent: 0,
    };
    this.#series.set(key, counted);
    return counted;
  }
}

const keyOf = (labels: TcpLabels): string => tcpLabels.map((name) => labels[name]).join('|');
