import type { Locality } from '@isthmus/mesh/records/locality.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { ResponseFlags } from './response-flags.ts';

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
  'source_region',
  'source_zone',
  'destination_region',
  'destination_zone',
] as const;

export type TcpLabels = Readonly<Record<(typeof tcpLabels)[number], string>>;

/** Who is at one end: a workload of the state, or what a peer says of its own. */
export type Party = Pick<
  Workload,
  'workloadName' | 'canonicalName' | 'canonicalRevision' | 'namespace' | 'cluster'
> & {
  readonly locality: Pick<Locality, 'region' | 'zone'>;
  /** Of the pod, where the state knows it. */
  readonly name?: string;
};

export interface End {
  readonly workload: Party | undefined;
  /** Proved by mTLS. */
  readonly identity: string | undefined;
}

export type Reporter = 'source' | 'destination';

export interface TcpFacts {
  readonly reporter: Reporter;
  readonly source: End;
  readonly destination: End;
  readonly service:
    { readonly hostname: string; readonly namespace: string; readonly name: string } | undefined;
  readonly mtls: boolean;
}

const known = (value: string | undefined): string =>
  value === undefined || value === '' ? 'unknown' : value;

export function labelsOf({ reporter, service, mtls, ...ends }: TcpFacts, flags: ResponseFlags): TcpLabels {
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
    source_region: source.region,
    source_zone: source.zone,
    destination_region: destination.region,
    destination_zone: destination.zone,
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
  region: known(workload?.locality.region),
  zone: known(workload?.locality.zone),
});

/** One label set for all connections of a kind, whatever their ends. */
const nobody: End = { workload: undefined, identity: undefined };
export const namelessLabels = ({ reporter, mtls }: TcpFacts, flags: ResponseFlags): TcpLabels =>
  labelsOf({ reporter, mtls, source: nobody, destination: nobody, service: undefined }, flags);
