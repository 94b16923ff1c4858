import { formatSubject } from '@isthmus/api/domain/names.ts';
import type { CompiledPolicy, TrafficShift } from '@isthmus/api/domain/directive.ts';
import type { Applied } from '@isthmus/api/domain/report.ts';
import type { NoStandIn } from '@isthmus/api/wire/authorization-stand-in.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { serviceKeyNamed, type ServiceKey } from '../keys/names.ts';
import type { Refused } from '../link/hub-store.ts';
import { isEntryOf } from '../translate/split-horizon.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import type { Coverage, Outstanding } from '../xds/coverage.ts';

/** How far an intermediate has come among the connected proxies. */
export function intermediateReport(keyId: string, version: string, coverage: Coverage): Applied {
  const { proxies, applied, rejected, waiting } = coverage;
  const [first] = rejected;
  return {
    subject: formatSubject('intermediate', keyId),
    version,
    proxies,
    state: first ? 'REJECTED' : applied >= proxies ? 'APPLIED' : 'PENDING',
    message: first ? `${first.client}: ${first.reason}` : waitsFor(waiting),
  };
}

/**
 * How far a traffic shift has come: a proxy has it when it has all workloads whose weights or memberships it changes, and
 * no entry of its services that is gone.
 */
export function trafficShiftReport(
  { id, services }: TrafficShift,
  version: string,
  { workloads }: ClusterSnapshot,
  streams: readonly Outstanding[],
): Applied {
  const keys = services.map(serviceKeyNamed);
  const isDiverted = (uid: string): boolean => {
    const workload = workloads.get(uid);
    return workload ? isOf(workload, keys) : isEntryOf(uid, keys);
  };
  const report = { subject: formatSubject('diversion', id), version };
  const open = streams.map((stream) => ({ ...stream, names: [...stream.names].filter(isDiverted) }));
  if (!open.some(({ names }) => names.length > 0) && !some(workloads.keys(), isDiverted))
    return { ...report, proxies: 0, state: 'APPLIED', message: '' };
  const waiting: string[] = [];
  for (const { client, isComplete, names, refused } of open) {
    const [reason] = names.flatMap((name) => refused.get(name)?.reason ?? []);
    if (reason !== undefined)
      return { ...report, proxies: streams.length, state: 'REJECTED', message: `${client.id}: ${reason}` };
    if (!isComplete || names.length > 0) waiting.push(client.key);
  }
  const state = waiting.length > 0 ? 'PENDING' : 'APPLIED';
  return { ...report, proxies: streams.length, state, message: waitsFor(waiting) };
}

/** A policy of the hub that cannot be read and was never held: what stands in for it is not what was written. */
export const unreadReport = (name: string, { version, reason, standIn }: Refused): Applied => ({
  subject: formatSubject('policy', name),
  version,
  proxies: 0,
  state: 'REJECTED',
  message: `the agent cannot read it (${reason})${standIn ? effectOf(standIn) : ''}`,
});

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

const maxNamed = 3;

/** Which proxies have yet to acknowledge it: shown as what an operation waits for. */
function waitsFor(waiting: readonly string[]): string {
  if (waiting.length === 0) return '';
  const more = waiting.length > maxNamed ? ` and ${waiting.length - maxNamed} more` : '';
  return `waiting for ${waiting.slice(0, maxNamed).join(', ')}${more}`;
}

function some(names: Iterable<string>, is: (name: string) => boolean): boolean {
  for (const name of names) if (is(name)) return true;
  return false;
}

const isOf = ({ services: memberships }: Workload, services: readonly ServiceKey[]): boolean =>
  services.length === 0 ? memberships.size > 0 : services.some((service) => memberships.has(service));
