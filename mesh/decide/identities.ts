import { expectNames, type ExpectedNames } from '../identity/expected-names.ts';
import { formatWorkloadIdentity, type SpiffeId } from '../identity/spiffe-id.ts';
import type { Workload } from '../records/workload.ts';

/** A workload's own SPIFFE ID, as its certificate has it. */
export const identityOf = (workload: Workload): SpiffeId => formatWorkloadIdentity(workload);

/** Whom to expect at a workload: its own name, unless it stands for others; and any of the listed ones. */
export const namesOf = (workload: Workload, listed: readonly string[] = []): ExpectedNames =>
  workload.subjectAltNames.length > 0
    ? expectNames(undefined, workload.subjectAltNames, listed)
    : expectNames(identityOf(workload), listed);
