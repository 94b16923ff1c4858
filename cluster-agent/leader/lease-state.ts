import type { Lease } from './lease.ts';

/** Between two renewals, milliseconds. */
export const renewEvery = 5000;
/** After a renewal that failed. */
const retryEvery = 1000;
/** Between two looks at a Lease that another replica holds. */
const lookEvery = 2000;
/**
 * A replica that has just started leaves a Lease that was given up to those that were there before, which look in time: it
 * may have nothing of the hub yet, and gets that from a leader that has.
 */
const leftFor = 5000;
/**
 * A leader leads for so long after it sent the last renewal that was answered, milliseconds. The others wait for 15 s from
 * when they saw it, so two never lead at once, however long their requests take.
 */
export const fence = 10_000;
/** Renewals of which it is remembered that they are this replica's: the answer to one may have been lost. */
const maxStamps = 16;

/** What a replica knows of the Lease. Times are monotonic milliseconds of this process. */
export interface LeaseState {
  readonly id: string;
  /** The Lease as it was last, and when that version was first seen; undefined: it has not been read. */
  readonly seen: { readonly lease: Lease | undefined; readonly at: number } | undefined;
  /**
   * A Lease that nobody holds is not taken until then: another replica may have held one that somebody has deleted, and may
   * believe to lead; one that was given up is left to others.
   */
  readonly leftUntil: number;
  /** The renewTime of each renewal that this process has sent, the newest last, and of the one that it found at its start. */
  readonly stamps: readonly string[];
  /** When the last renewal that was answered was sent; undefined: this replica does not lead. */
  readonly renewedAt: number | undefined;
  /** When the last renewal was sent, answered or not. */
  readonly triedAt: number | undefined;
}

export const unread = (id: string): LeaseState => ({
  id,
  seen: undefined,
  leftUntil: -Infinity,
  stamps: [],
  renewedAt: undefined,
  triedAt: undefined,
});

/** What to do next: read the Lease, write it over what was seen, or neither for so many milliseconds. */
export type Step =
  { readonly kind: 'READ' } | { readonly kind: 'WRITE' } | { readonly kind: 'WAIT'; readonly millis: number };

export const leadsAt = ({ renewedAt }: LeaseState, now: number): boolean =>
  renewedAt !== undefined && now - renewedAt < fence;

/** The Lease is this replica's: this process wrote it, or an earlier life of its pod. */
export const isOwn = ({ id, stamps }: LeaseState, lease: Lease): boolean =>
  lease.holder === id && stamps.includes(lease.renewTime);

/** Another process has this replica's name. */
export const isTwin = (state: LeaseState, lease: Lease): boolean =>
  lease.holder === state.id && !isOwn(state, lease);

/** How a replica goes on. `isFresh`: the Lease has been read, or written, since it last waited. */
export function nextStep(state: LeaseState, now: number, isFresh: boolean): Step {
  const { seen } = state;
  if (!seen) return { kind: 'READ' };
  const { lease } = seen;
  const isFree = !lease || lease.holder === '';
  if (isFree && state.leftUntil > now)
    return isFresh ? { kind: 'WAIT', millis: Math.min(lookEvery, state.leftUntil - now) } : { kind: 'READ' };
  if (isFree || isOwn(state, lease)) return renewal(state, now, isFresh);
  const left = seen.at + lease.seconds * 1000 - now;
  if (left <= 0 && isFresh) return { kind: 'WRITE' };
  return isFresh ? { kind: 'WAIT', millis: Math.min(lookEvery, left) } : { kind: 'READ' };
}

/** One that is free is taken at once, unless this replica has just tried to. */
function renewal({ triedAt, renewedAt }: LeaseState, now: number, isFresh: boolean): Step {
  if (triedAt === undefined) return { kind: 'WRITE' };
  const due = triedAt + (triedAt === renewedAt ? renewEvery : retryEvery);
  if (due > now) return { kind: 'WAIT', millis: due - now };
  return triedAt === renewedAt || isFresh ? { kind: 'WRITE' } : { kind: 'READ' };
}

/**
 * The Lease was read; undefined: there is none. One of this replica's name that is there at the start is from an earlier
 * life of the pod, which has ended: there is one pod of a name.
 */
export function withRead(before: LeaseState, lease: Lease | undefined, now: number): LeaseState {
  const isFromBefore = before.seen === undefined && lease?.holder === before.id;
  const state = isFromBefore ? { ...before, stamps: [lease.renewTime] } : before;
  const { seen: last } = state;
  const isSame = last && last.lease?.resourceVersion === lease?.resourceVersion;
  const seen = { lease, at: isSame ? last.at : now };
  const isLost = lease !== undefined && isHeldByOther(state, lease);
  const leftUntil = leftAlone(before, lease, now) ?? state.leftUntil;
  return { ...state, seen, leftUntil, renewedAt: isLost ? undefined : state.renewedAt };
}

/** Until when this replica leaves a Lease alone that was read; undefined: as long as before. */
function leftAlone(before: LeaseState, lease: Lease | undefined, now: number): number | undefined {
  const { seen } = before;
  if (!seen) return lease?.holder === '' ? now + leftFor : undefined;
  // Another replica may have taken it since it was read, unless this one leads still.
  const isDeleted = !lease && seen.lease !== undefined && !leadsAt(before, now);
  return isDeleted ? now + seen.lease.seconds * 1000 : undefined;
}

const isHeldByOther = (state: LeaseState, lease: Lease): boolean =>
  lease.holder !== '' && !isOwn(state, lease);

/** A renewal is sent. */
export const withTry = (state: LeaseState, stamp: string, now: number): LeaseState => ({
  ...state,
  stamps: [...state.stamps, stamp].slice(-maxStamps),
  triedAt: now,
});

/** A renewal that was sent at `sentAt` was answered. An answer that comes late counts from when it was sent. */
export function withRenewal(state: LeaseState, lease: Lease, sentAt: number, now: number): LeaseState {
  if (!isOwn(state, lease)) return withRead(state, lease, now);
  return { ...state, seen: { lease, at: now }, renewedAt: Math.max(sentAt, state.renewedAt ?? sentAt) };
}
