import type { Check } from '@isthmus/mesh/http/health-pages.ts';
import type { OutsideProblem } from '../outside/outside.ts';
import { finding, type Finding } from './finding.ts';

/** What to do, by the name of the check. */
const remedies: Readonly<Record<string, string>> = {
  leadership: 'use the hub that has taken its place; this one stops',
  store:
    'free the disk or repair the state folder of the hub; restart it unless the message says that it tries again',
  'link-certificate': 'restart the hub: it issues a new certificate for its link',
};

/** What the hub itself lacks, as /readyz has it. That a root has expired is among the findings of trust. */
export const ofHub = (checks: readonly Check[]): readonly Finding[] =>
  checks
    .filter(({ name }) => name !== 'roots')
    .flatMap(({ name, problem, degraded = [] }) => [
      ...(problem === undefined
        ? []
        : [lacks('HUB_NOT_READY', name, `the hub is not ready (${name}): ${problem}`)]),
      ...degraded.map((what) => lacks('HUB_DEGRADED', name, `the hub works in part (${name}): ${what}`)),
    ]);

const lacks = (reason: string, check: string, message: string): Finding =>
  finding('ERROR', reason, { object: 'Hub' }, message, remedies[check] ?? 'see the log of the hub');

/** What is wrong with where the hub is reached. */
export const ofOutside = (problems: readonly OutsideProblem[]): readonly Finding[] =>
  problems.map(({ severity, reason, object, message, remedy }) =>
    finding(severity, reason, { object }, message, remedy),
  );

/** Where two hubs might write one store, or a store might be lost. `kind`: of the file system; undefined: a local one. */
export const ofStateFolder = (folder: string, kind: string | undefined): readonly Finding[] =>
  kind === undefined
    ? []
    : [
        finding(
          'WARNING',
          'STATE_ON_NETWORK_FILES',
          { object: 'Hub' },
          `the state folder ${folder} is on a network file system (${kind}), whose locks may not keep a second hub out, and on which SQLite may lose data`,
          'keep it on a volume of one node: a PersistentVolumeClaim with accessMode ReadWriteOnce of a block storage class',
        ),
      ];

/** Why the admin token is not that of its Secret. */
export const ofTokenSecret = (
  problem: { readonly object: string; readonly message: string; readonly remedy: string } | undefined,
): readonly Finding[] =>
  problem === undefined
    ? []
    : [finding('WARNING', 'ADMIN_TOKEN_SECRET', { object: problem.object }, problem.message, problem.remedy)];
