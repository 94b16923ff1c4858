import type { CompiledPolicy } from '@isthmus/api/domain/directive.ts';
import type { Applied } from '@isthmus/api/domain/report.ts';
import type { NoStandIn } from '@isthmus/api/wire/authorization-stand-in.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { HubStore } from './link/hub-store.ts';
import type { Publisher } from './publish/publisher.ts';
import type { ClusterSnapshot } from './translate/snapshot.ts';
import type { HubView } from './view/hub-view.ts';
import type { Coverage } from './xds/coverage.ts';

/** How far a resource has come among the connected proxies. */
export type Covered = (type: string, name: string) => Coverage;

/** The report about each resource that the hub sent: for a policy as given, for others whether every connected proxy has acknowledged it. */
export function appliedReports(
  views: HubStore,
  snapshot: ClusterSnapshot,
  policies: readonly Applied[],
  covered: Covered,
): ReadonlyMap<string, Applied> {
  const { view } = views;
  const reports: Applied[] = [
    ...policies,
    ...[...view.intermediates.keys()].map((keyId) =>
      report(`intermediate/${keyId}`, views.version('intermediate', keyId), [
        covered(typeUrls.intermediate, keyId),
      ]),
    ),
    ...[...view.diversions.values()].map(({ id, services }) =>
      report(
        `diversion/${id}`,
        views.version('diversion', id),
        addressesOf(snapshot, services).map((name) => covered(typeUrls.address, name)),
      ),
    ),
  ];
  return new Map(reports.map((one) => [one.subject, one]));
}

/** Policies of the hub that cannot be read and were never held: what stands in for them is not what was written. */
export const unreadPolicies = (views: Pick<HubStore, 'refused'>): readonly Applied[] =>
  [...views.refused('policy')].map(([name, { version, reason, standIn }]) => ({
    subject: `policy/${name}`,
    version,
    proxies: 0,
    state: 'REJECTED',
    message: `the agent cannot read it (${reason})${standIn ? effectOf(standIn) : ''}`,
  }));

function effectOf(standIn: CompiledPolicy | NoStandIn): string {
  if (standIn === 'DENIES_NOTHING') return ': it denies nothing, and nothing is in force in its place';
  if (standIn === 'NO_NAMESPACE')
    return ': not even the namespace of its target can be read, so nothing is in force in its place, and connections that it denies are let in';
  const { target, authorization } = standIn;
  const labels = Object.entries(target.labels).map(([key, value]) => `${key}=${value}`);
  const whom = `workloads of ${target.namespace}${labels.length > 0 ? ` with ${labels.join(',')}` : ''}`;
  const refuse =
    authorization.action === 'ALLOW' ? 'connections that no other ALLOW allows' : 'whatever it may deny';
  return `: until it can be read, ${whom} refuse ${refuse}`;
}

function report(subject: string, version: string | undefined, coverages: readonly Coverage[]): Applied {
  const proxies = Math.max(0, ...coverages.map((one) => one.proxies));
  const rejected = coverages.flatMap((one) => one.rejected);
  const done = coverages.every((one) => one.applied >= one.proxies);
  const [first] = rejected;
  return {
    subject,
    version: version ?? '',
    proxies,
    state: first ? 'REJECTED' : done ? 'APPLIED' : 'PENDING',
    message: first ? `${first.client}: ${first.reason}` : waitsFor(coverages),
  };
}

const mostNamed = 3;

/** Which proxies have yet to acknowledge it: shown as what an operation waits for. */
function waitsFor(coverages: readonly Coverage[]): string {
  const waiting = [...new Set(coverages.flatMap((one) => one.waiting))];
  if (waiting.length === 0) return '';
  const more = waiting.length > mostNamed ? ` and ${waiting.length - mostNamed} more` : '';
  return `waiting for ${waiting.slice(0, mostNamed).join(', ')}${more}`;
}

/** The workloads whose weights or memberships a diversion changes. */
function addressesOf({ workloads }: ClusterSnapshot, services: readonly string[]): readonly string[] {
  const touched = (key: string) =>
    services.length === 0 ||
    services.some((service) => key.startsWith(`${service}.`) || key === serviceKey(service));
  return [...workloads.values()]
    .filter((one) => [...one.services.keys()].some(touched))
    .map(({ uid }) => uid);
}

function serviceKey(service: string): string {
  const [namespace = '', name = ''] = service.split('/');
  return `${namespace}/${name}.${namespace}.svc.cluster.local`;
}

/** Whether all that these reports are about is published: what proxies hold says nothing of forms that wait. */
export function isPublished(
  { policies, intermediates, diversions }: Pick<HubView, 'policies' | 'intermediates' | 'diversions'>,
  publisher: Pick<Publisher, 'isSettled'>,
): boolean {
  const waits = (type: 'policy' | 'intermediate' | 'diversion') => (name: string) =>
    !publisher.isSettled({ kind: 'hub', type, name });
  return (
    ![...policies.keys()].some(waits('policy')) &&
    ![...intermediates.keys()].some(waits('intermediate')) &&
    ![...diversions.keys()].some(waits('diversion'))
  );
}
