import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';

/** Clients that receive the same resources, except for their own addresses of services. */
export type Audience = 'mesh' | 'gateway' | 'upstream';

export const audienceOf = ({
  version,
  kind,
}: {
  readonly version: string;
  readonly kind: string;
}): Audience => (version === '' ? 'upstream' : kind === 'router' ? 'gateway' : 'mesh');

/** Istio's own proxies take trust from their certificates. */
export const takesTrust = (audience: Audience): boolean => audience !== 'upstream';

/** Istio's own proxies get no policy in a dry run, as older ones enforce it (istiod sends none by default). */
export const takesAuthorization = (audience: Audience, { dryRun }: Authorization): boolean =>
  audience !== 'upstream' || !dryRun;

/**
 * A workload as an audience has it; undefined: it has not. The same object for the same workload, memberships and
 * policies.
 * - Istio's own proxies get remote endpoints only if these speak HBONE.
 * - Gateways enter this network for others and never leave it: no remote endpoints, and the memberships that this
 *   cluster's own clients no longer use.
 */
export function workloadFor(
  audience: Audience,
  workload: Workload,
  snapshot: ClusterSnapshot,
): Workload | undefined {
  if (!isFor(audience, workload)) return undefined;
  const enforced = audience === 'upstream' ? withEnforcedPolicies(workload, snapshot) : workload;
  return audience === 'gateway' ? enforced : withdraw(enforced, snapshot.withdrawn.get(workload.uid));
}

/**
 * A service as an audience has it. Istio's proxies need the identities that may answer for it at remote endpoints
 * (upstream's `final_sans`), and accept them at local ones too; for ours each remote endpoint lists those of its own
 * cluster.
 */
export const serviceFor = (audience: Audience, service: Service): Service =>
  audience === 'upstream' ? service : withoutNames(service);

/** A split-horizon entry stands for endpoints behind the gateway of another network. */
const isRemote = (workload: Workload) => workload.networkGateway !== undefined;

function isFor(audience: Audience, workload: Workload): boolean {
  if (!isRemote(workload)) return true;
  return audience === 'mesh' || (audience === 'upstream' && workload.transport === 'hbone');
}

const withdrawnForms = new WeakMap<
  Workload,
  { readonly keys: ReadonlySet<string>; readonly form: Workload }
>();

/** The workload without some memberships. */
function withdraw(workload: Workload, keys: ReadonlySet<string> | undefined): Workload {
  if (!keys || keys.size === 0) return workload;
  const known = withdrawnForms.get(workload);
  if (known && known.keys.size === keys.size && [...keys].every((key) => known.keys.has(key)))
    return known.form;
  const services = new Map([...workload.services].filter(([key]) => !keys.has(key)));
  const form = { ...workload, services };
  withdrawnForms.set(workload, { keys, form });
  return form;
}

const namelessForms = new WeakMap<Service, Service>();

function withoutNames(service: Service): Service {
  if (service.subjectAltNames.length === 0) return service;
  const form = namelessForms.get(service) ?? { ...service, subjectAltNames: [] };
  namelessForms.set(service, form);
  return form;
}

const enforcedForms = new WeakMap<Workload, Workload>();

/** The workload that names no policy in a dry run. */
function withEnforcedPolicies(workload: Workload, { authorizations }: ClusterSnapshot): Workload {
  const named = workload.authorizationPolicies;
  const kept = named.filter((key) => authorizations.get(key)?.dryRun !== true);
  if (kept.length === named.length) return workload;
  const known = enforcedForms.get(workload);
  if (known && known.authorizationPolicies.join('\n') === kept.join('\n')) return known;
  const form = { ...workload, authorizationPolicies: kept };
  enforcedForms.set(workload, form);
  return form;
}
