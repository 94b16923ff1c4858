import { X509Certificate } from 'node:crypto';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { members } from '../state/members.ts';
import type { Now } from '../state/now.ts';
import { validUntil } from '../trust/activation.ts';
import { finding, type Finding } from './finding.ts';

/** What is left of a certificate, milliseconds, from when on it is a warning. Intermediates renew at half their life. */
const warnBefore = { root: 30 * day, intermediate: 7 * day };

/** Roots and intermediates that end soon or have ended. */
export const ofTrust = (snapshot: Now, now: number): readonly Finding[] => [
  ...roots(snapshot, now),
  ...intermediates(snapshot, now),
];

/** When time alone makes them others: a certificate comes near its end, nearer, or ends. Infinity: never. */
export function trustUntil(snapshot: Now, now: number): number {
  const ends = [
    ...[...snapshot.intent.trustDomains.values()].flatMap(({ value }) => {
      const end = endOfRoot(value.rootCertificatePem);
      return [end - warnBefore.root, end - day, end];
    }),
    ...members(snapshot).flatMap((cluster) => {
      const end = validUntil(cluster, snapshot);
      return end === undefined ? [] : [end - warnBefore.intermediate, end - day, end];
    }),
  ];
  return ends.reduce((next, at) => (at > now && at < next ? at : next), Infinity);
}

const endOfRoot = (pem: string): number => Date.parse(new X509Certificate(pem).validTo);

const roots = ({ intent }: Now, now: number): readonly Finding[] =>
  [...intent.trustDomains.values()].flatMap(({ value }) => {
    const end = endOfRoot(value.rootCertificatePem);
    if (end > now + warnBefore.root) return [];
    return [
      finding(
        end <= now + day ? 'ERROR' : 'WARNING',
        end <= now ? 'ROOT_EXPIRED' : 'ROOT_EXPIRES',
        { object: `TrustDomain ${value.name}` },
        `the root certificate of ${value.name} ${endsAt(end, now)}: after that every certificate of the trust domain is refused`,
        'create a new trust domain root and let every cluster join with it',
      ),
    ];
  });

const intermediates = (snapshot: Now, now: number): readonly Finding[] =>
  [...snapshot.intent.clusters.values()]
    .filter(({ value }) => value.admission === 'ADMITTED')
    .flatMap(({ id: cluster }) => {
      const end = validUntil(cluster, snapshot);
      if (end === undefined || end > now + warnBefore.intermediate) return [];
      return [
        finding(
          end <= now + day ? 'ERROR' : 'WARNING',
          end <= now ? 'INTERMEDIATE_EXPIRED' : 'INTERMEDIATE_EXPIRES',
          { cluster, object: `Cluster ${cluster}` },
          `the intermediate with which ${cluster} signs ${endsAt(end, now)}, and has not been renewed`,
          `check that the agent of ${cluster} is connected: it renews by itself`,
        ),
      ];
    });

const endsAt = (end: number, now: number): string =>
  `${end <= now ? 'ended' : 'ends'} at ${new Date(end).toISOString()}`;
