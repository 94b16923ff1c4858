import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import type { Service } from '@isthmus/mesh/state/service.ts';
import type { Workload } from '@isthmus/mesh/state/workload.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import type { ProxyClient } from './proxy-client.ts';

/** Clients that receive the same resources, except for their own addresses of services. */
export type Audience = 'mesh' | 'gateway' | 'upstream';

export const audienceOf = ({ version, kind }: ProxyClient): Audience =>
  version === '' ? 'upstream' : kind === 'router' ? 'gateway' : 'mesh';

/** What an audience receives: resource type to name to record. Records that did not change are the same objects. */
export type Projection = ReadonlyMap<string, ReadonlyMap<string, object>>;

/**
 * - Istio's own proxies get neither trust bundles, which they take from their certificates, nor remote endpoints
 *   that speak anything but HBONE, nor of policies in a dry run, which older ones enforce (istiod sends none by default).
 * - Gateways enter this network for others and never leave it: no remote endpoints, only services that have local
 *   ones, and with them the memberships that this cluster's own clients no longer use.
 */
export function project(audience: Audience, snapshot: ClusterSnapshot): Projection {
  const { bundles, intermediates } = audience === 'upstream' ? noTrust : snapshot;
  return new Map<string, ReadonlyMap<string, object>>([
    [typeUrls.trustBundle, new Map(bundles.map((bundle) => [bundle.trustDomain as string, bundle] as const))],
    [
      typeUrls.intermediate,
      new Map(intermediates.map((intermediate) => [intermediate.keyId, intermediate] as const)),
    ],
    [typeUrls.authorization, audience === 'upstream' ? enforced(snapshot) : snapshot.authorizations],
    [typeUrls.address, addresses(audience, snapshot)],
  ]);
}

const noTrust: Pick<ClusterSnapshot, 'bundles' | 'intermediates'> = { bundles: [], intermediates: [] };

const enforced = ({ authorizations }: ClusterSnapshot): ReadonlyMap<string, Authorization> =>
  new Map([...authorizations].filter(([, { dryRun }]) => !dryRun));

function addresses(audience: Audience, snapshot: ClusterSnapshot): Map<string, Workload | Service> {
  const records = new Map<string, Workload | Service>();
  const reached = new Set<string>();
  for (const [uid, workload] of snapshot.workloads) {
    if (!isFor(audience, workload)) continue;
    const told = audience === 'upstream' ? withEnforcedPolicies(workload, snapshot) : workload;
    const seen = audience === 'gateway' ? told : withdraw(told, snapshot.withdrawn.get(uid));
    records.set(uid, seen);
    if (audience === 'gateway') for (const key of seen.services.keys()) reached.add(key);
  }
  for (const [key, service] of snapshot.services)
    if (audience !== 'gateway' || reached.has(key))
      records.set(key, audience === 'upstream' ? service : withoutNames(service));
  return records;
}

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

/** The workload without some memberships; the same object for the same workload and keys. */
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

/**
 * The service without identities that may answer for it. Istio's proxies need them at remote endpoints (upstream's
 * `final_sans`), and accept them at local ones too; for ours each remote endpoint lists those of its own cluster.
 */
function withoutNames(service: Service): Service {
  if (service.subjectAltNames.length === 0) return service;
  const form = namelessForms.get(service) ?? { ...service, subjectAltNames: [] };
  namelessForms.set(service, form);
  return form;
}

const enforcedForms = new WeakMap<Workload, Workload>();

/** The workload that names no policy in a dry run; the same object for the same workload and policies. */
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
