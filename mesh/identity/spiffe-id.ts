import { err, ok, type Result } from '../result.ts';

declare const trustDomainBrand: unique symbol;
declare const spiffeIdBrand: unique symbol;

/** A trust domain name in its only canonical form: lower case, 1 to 255 of `[a-z0-9._-]` (SPIFFE-ID 2.1). */
export type TrustDomain = string & { readonly [trustDomainBrand]: true };

/** A whole SPIFFE ID as text, `spiffe://<trust domain>/<path>`, at most 2,048 bytes (SPIFFE-ID 2.3). */
export type SpiffeId = string & { readonly [spiffeIdBrand]: true };

/** Who a workload is: `spiffe://<trustDomain>/ns/<namespace>/sa/<serviceAccount>`. */
export interface WorkloadIdentity {
  readonly trustDomain: TrustDomain;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const scheme = 'spiffe://';

/** The trust domain of a workload of which nothing says another (Istio workload API). */
export const defaultTrustDomain = 'cluster.local' as TrustDomain;

export function parseTrustDomain(text: string): Result<TrustDomain, string> {
  if (text.length === 0 || text.length > 255) return err('a trust domain has 1 to 255 characters');
  if (!/^[a-z0-9._-]+$/.test(text))
    return err('a trust domain has only lower-case letters, digits, dots, dashes and underscores');
  return ok(text as TrustDomain);
}

/** SPIFFE-ID 2.1 and 2.2: no port, no user, no query, no fragment, no empty or dot segment, no escapes. */
export function parseSpiffeId(text: string): Result<SpiffeId, string> {
  if (text.length > 2048) return err('a SPIFFE ID has at most 2,048 bytes');
  if (!text.startsWith(scheme)) return err(`a SPIFFE ID begins with ${scheme}`);
  const slash = text.indexOf('/', scheme.length);
  if (slash < 0) return err("a workload's SPIFFE ID has a path");
  const domain = parseTrustDomain(text.slice(scheme.length, slash));
  if (!domain.ok) return domain;
  const segments = text.slice(slash + 1).split('/');
  const bad = segments.find(
    (segment) => !/^[A-Za-z0-9._-]+$/.test(segment) || segment === '.' || segment === '..',
  );
  if (bad !== undefined)
    return err(
      `a path segment has letters, digits, dots, dashes and underscores, not ${JSON.stringify(bad.slice(0, 40))}`,
    );
  return ok(text as SpiffeId);
}

export const trustDomainOf = (id: SpiffeId): TrustDomain =>
  id.slice(scheme.length, id.indexOf('/', scheme.length)) as TrustDomain;

/** Exactly `/ns/<namespace>/sa/<service account>`, as Istio names workloads. */
export function parseWorkloadIdentity(text: string): Result<WorkloadIdentity, string> {
  const id = parseSpiffeId(text);
  if (!id.ok) return id;
  const [ns, namespace, sa, serviceAccount, ...more] = text
    .slice(text.indexOf('/', scheme.length) + 1)
    .split('/');
  if (
    ns !== 'ns' ||
    sa !== 'sa' ||
    namespace === undefined ||
    serviceAccount === undefined ||
    more.length > 0
  )
    return err('a workload is spiffe://<trust domain>/ns/<namespace>/sa/<service account>');
  return ok({ trustDomain: trustDomainOf(id.value), namespace, serviceAccount });
}

/** The identity of a service account; '' is the account `default`, as in Kubernetes. */
export const workloadIdentity = (
  trustDomain: TrustDomain,
  namespace: string,
  account: string,
): WorkloadIdentity => ({
  trustDomain,
  namespace,
  serviceAccount: account === '' ? 'default' : account,
});

export const formatWorkloadIdentity = ({
  trustDomain,
  namespace,
  serviceAccount,
}: WorkloadIdentity): SpiffeId => `${scheme}${trustDomain}/ns/${namespace}/sa/${serviceAccount}` as SpiffeId;

/** `spiffe://link.<hub id>/cluster/<cluster>`: an agent, known on the link and nowhere in a mesh. */
export function parseLinkAgent(
  text: string,
): Result<{ readonly hubId: string; readonly cluster: string }, string> {
  const id = parseSpiffeId(text);
  if (!id.ok) return id;
  const domain = trustDomainOf(id.value);
  const [kind, cluster, ...more] = text.slice(scheme.length + domain.length + 1).split('/');
  if (
    !domain.startsWith('link.') ||
    domain === 'link.' ||
    kind !== 'cluster' ||
    cluster === undefined ||
    more.length > 0
  )
    return err('an agent is spiffe://link.<hub id>/cluster/<cluster>');
  return ok({ hubId: domain.slice('link.'.length), cluster });
}

/** The form that policies compare: without the scheme. */
export const principalOf = (identity: WorkloadIdentity): string =>
  formatWorkloadIdentity(identity).slice(scheme.length);
