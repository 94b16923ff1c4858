import { z } from 'zod';
import type { Access } from '@isthmus/api/kube/access.ts';
import type { Place } from '@isthmus/api/kube/api-server.ts';
import { leases } from '@isthmus/api/kube/resources.ts';

/** How long a leader that renews no more keeps others out, seconds. */
export const leaseSeconds = 15;
/** Longest that is believed of a Lease that something else has written, seconds. */
const maxSeconds = 3600;

const name = 'isthmus-agent';
const addressAnnotation = 'isthmus.io/replica-address';

/** What an agent does with its Lease. */
export const leaseAccess: Access = {
  resource: leases,
  verbs: ['get', 'create', 'update'],
  namespaces: 'OWN',
  names: [name],
};

export const leasePlace = (namespace: string): Place => ({ namespace, name });

/** The Lease as it was read: who holds it, and what a write has to leave as it is. */
export interface Lease {
  readonly resourceVersion: string;
  /** '': it was given up. */
  readonly holder: string;
  readonly seconds: number;
  /** As the holder wrote it. It is compared, never taken for a time: another machine's clock is not known. */
  readonly renewTime: string;
  readonly acquireTime: string;
  readonly transitions: number;
  /** Where the holder takes what other replicas know; '': it does not say. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

const texts = z.record(z.string(), z.string()).catch({});

/** Fields that somebody else wrote oddly count as absent: a Lease must not keep all replicas from leading. */
const schema = z.looseObject({
  metadata: z.looseObject({
    resourceVersion: z.string().max(253),
    labels: texts.optional(),
    annotations: texts.optional(),
  }),
  spec: z
    .looseObject({
      holderIdentity: z.string().max(253).nullish().catch(''),
      leaseDurationSeconds: z.int().min(1).max(maxSeconds).nullish().catch(leaseSeconds),
      renewTime: z.string().max(64).nullish().catch(''),
      acquireTime: z.string().max(64).nullish().catch(''),
      leaseTransitions: z.int().min(0).nullish().catch(0),
    })
    .nullish()
    .catch(undefined),
});

/** Undefined: it is no Lease. */
export function readLease(object: unknown): Lease | undefined {
  const read = schema.safeParse(object);
  if (!read.success) return undefined;
  const { metadata, spec } = read.data;
  const annotations = metadata.annotations ?? {};
  return {
    resourceVersion: metadata.resourceVersion,
    holder: spec?.holderIdentity ?? '',
    seconds: spec?.leaseDurationSeconds ?? leaseSeconds,
    renewTime: spec?.renewTime ?? '',
    acquireTime: spec?.acquireTime ?? '',
    transitions: spec?.leaseTransitions ?? 0,
    address: annotations[addressAnnotation] ?? '',
    labels: metadata.labels ?? {},
    annotations,
  };
}

/** What a replica writes over a Lease, or in place of none. */
export interface LeaseWrite {
  /** '': it is given up. */
  readonly holder: string;
  readonly address: string;
  readonly renewTime: string;
}

/** The object that is written. With the version of before, another writer's is not overwritten. */
export function leaseObject(namespace: string, before: Lease | undefined, write: LeaseWrite): object {
  const { holder, address, renewTime } = write;
  const isTaken = holder !== '' && before?.holder !== holder;
  return {
    apiVersion: `${leases.group}/${leases.version}`,
    kind: leases.kind,
    metadata: {
      name,
      namespace,
      ...(before && { resourceVersion: before.resourceVersion, labels: before.labels }),
      annotations: { ...before?.annotations, [addressAnnotation]: address },
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: holder === '' ? 1 : leaseSeconds,
      renewTime,
      acquireTime: isTaken || !before || before.acquireTime === '' ? renewTime : before.acquireTime,
      leaseTransitions: (before?.transitions ?? 0) + (isTaken && before ? 1 : 0),
    },
  };
}
