import { serviceNameOf, type ServiceKey as FederatedServiceKey } from '@isthmus/api/domain/names.ts';
import { proxyOrder } from '@isthmus/api/domain/question.ts';
import { formatPodUid } from '@isthmus/mesh/records/workload-uid.ts';
import { clusterDomain } from '@isthmus/mesh/decide/host-names.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `<namespace>/<name>` of a pod. */
export type PodKey = Branded<'PodKey'>;
/** `<namespace>/<hostname>` of a service, as the workload API names it. */
export type ServiceKey = Branded<'ServiceKey'>;
/** `<namespace>/<name>` of an authorization policy. */
export type PolicyKey = Branded<'PolicyKey'>;
/** `<kind>/<namespace>/<pod>` of a proxy that has a stream. */
export type ClientId = Branded<'ClientId'>;
/** The name of a workload resource, e.g. `<cluster>//Pod/<namespace>/<name>` (Istio workload API). */
export type WorkloadUid = Branded<'WorkloadUid'>;

/** What names an object within one cluster and one kind. */
export interface Ref {
  readonly namespace: string;
  readonly name: string;
}

export const podKey = ({ namespace, name }: Ref): PodKey => `${namespace}/${name}` as PodKey;

export const policyKey = ({ namespace, name }: Ref): PolicyKey => `${namespace}/${name}` as PolicyKey;

/** The name under which the cluster's own clients call a service. */
export const hostnameOf = ({ namespace, name }: Ref): string => `${name}.${namespace}.svc.${clusterDomain}`;

export const serviceKeyOf = (ref: Ref): ServiceKey => `${ref.namespace}/${hostnameOf(ref)}` as ServiceKey;

/** Of a service that is called by any host name. */
export const serviceKeyAt = (namespace: string, hostname: string): ServiceKey =>
  `${namespace}/${hostname}` as ServiceKey;

/** The Service that a key is of; undefined: it is of another host. */
export function refOfService(key: ServiceKey): Ref | undefined {
  const namespace = namespaceOf(key);
  const name = key.slice(namespace.length + 1).split('.')[0] ?? '';
  const ref = { namespace, name };
  return serviceKeyOf(ref) === key ? ref : undefined;
}

/** Of a service as traffic shifts name it. */
export const serviceKeyNamed = (service: FederatedServiceKey): ServiceKey =>
  serviceKeyOf(serviceNameOf(service));

/** `pod`: of the proxy itself. Pages of proxies are in the order of these ids. */
export const clientId = (kind: string, { namespace, name }: Ref): ClientId =>
  proxyOrder({ kind, namespace, pod: name }) as ClientId;

/** The uid of a pod's workload, as Istio's control plane makes it. */
export const podUid = (cluster: string, { metadata }: { readonly metadata: Ref }): WorkloadUid =>
  uidOfPod(cluster, podKey(metadata));

/** The same of a pod that may be gone. */
export const uidOfPod = (cluster: string, pod: PodKey): WorkloadUid =>
  formatPodUid(cluster, pod) as WorkloadUid;

/** The uid of the workload that stands for a gateway of another network. */
export const networkGatewayUid = (gateway: {
  readonly network: string;
  readonly address: string;
  readonly hbonePort: number;
}): WorkloadUid => `NetworkGateway/${gateway.network}/${gateway.address}/${gateway.hbonePort}` as WorkloadUid;

/** The namespace of what a key names. */
export const namespaceOf = (key: PodKey | ServiceKey | PolicyKey): string => key.slice(0, key.indexOf('/'));

/** As `podKey` makes it. */
export const parsePodKey = (text: string): Result<PodKey, string> => parse(text, 2, '<namespace>/<name>');

/** As `serviceKeyOf` makes it. */
export const parseServiceKey = (text: string): Result<ServiceKey, string> =>
  parse(text, 2, '<namespace>/<hostname>');

/** As `policyKey` makes it. */
export const parsePolicyKey = (text: string): Result<PolicyKey, string> =>
  parse(text, 2, '<namespace>/<name>');

/** As `clientId` makes it. */
export const parseClientId = (text: string): Result<ClientId, string> =>
  parse(text, 3, '<kind>/<namespace>/<pod>');

/** Uids of several forms exist, so any text that is not empty is one. */
export const parseWorkloadUid = (text: string): Result<WorkloadUid, string> =>
  text === '' ? err('the uid of a workload is empty') : ok(text as WorkloadUid);

function parse<Name extends string>(
  text: string,
  parts: number,
  form: string,
): Result<Branded<Name>, string> {
  const found = text.split('/');
  return found.length === parts && !found.includes('')
    ? ok(text as Branded<Name>)
    : err(`${JSON.stringify(text)} is not of the form ${form}`);
}
