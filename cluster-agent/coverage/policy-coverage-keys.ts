import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { Touched } from '../keys/touched.ts';
import type { AppliedEvent } from '../xds/server.ts';
import type { PolicyCoverage } from './policy-coverage.ts';

/** What was published touches coverage. */
export function touchedOf(policies: PolicyCoverage, key: Touched): void {
  if (key.kind === 'pod' || key.kind === 'part' || key.kind === 'verdict') policies.podTouched(key.pod);
  if (key.kind !== 'resource') return;
  if (key.type === typeUrls.authorization) policies.policyTouched(key.name, undefined);
  if (key.type === typeUrls.address) policies.workloadTouched(key.name);
}

/** A proxy has answered. Of a first sync nothing is looked at by name, unless a policy is watched. */
export function answeredOf(policies: PolicyCoverage, event: AppliedEvent): void {
  const { client, type } = event;
  if (policies.isEmpty) return;
  if (type === typeUrls.authorization)
    for (const name of namesOf(event)) policies.policyTouched(name, client.id);
  if (type === typeUrls.address) for (const name of namesOf(event)) policies.workloadTouched(name);
}

/** All that an answer names. */
export const namesOf = ({ applied, removed, rejected }: AppliedEvent): ReadonlySet<string> =>
  new Set([...applied.keys(), ...removed, ...rejected.keys()]);
