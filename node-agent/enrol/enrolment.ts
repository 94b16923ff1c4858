import { isDeepStrictEqual } from 'node:util';
import type { PodOptions } from '@isthmus/mesh/redirection/pod-options.ts';
import type { Listening } from '../zds/listening.ts';

/** What a pod is captured as. */
export interface Target {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly options: PodOptions;
  /** Opens its network namespace. */
  readonly path: string;
  /** `device:inode` of that namespace: a pod whose sandbox is made again has another. */
  readonly identity: string;
}

/** UNKNOWN: they may be there, in part; STOPPED: new connections are direct, and those that were captured go on. */
export type Rules = 'NONE' | 'UNKNOWN' | 'WHOLE' | 'STOPPED';

/** What is being done, or is to be done next. */
export type Work =
  /** The proxies are to listen there. Done at once: their answers are events. */
  | { readonly do: 'LIST'; readonly target: Target }
  /** They are to stop, and have answered. The namespace is no longer held. */
  | { readonly do: 'UNLIST' }
  | { readonly do: 'APPLY'; readonly target: Target }
  | { readonly do: 'STOP'; readonly target: Target }
  | { readonly do: 'CLEAR'; readonly target: Target };

/** How it stands with one pod. */
export interface Enrolment {
  /** Undefined: it is not to be captured. */
  readonly wanted: Target | undefined;
  /** As what the proxies have it, and whose namespace is held. */
  readonly listed: Target | undefined;
  readonly listening: Listening;
  readonly rules: Rules;
  /** With which options they are whole. */
  readonly options: PodOptions | undefined;
  readonly running: Work | undefined;
  /** Its namespace has no processes any more: there is nothing to take rules out of. */
  readonly isGone: boolean;
  /** Monotonic milliseconds: no rules are written before. */
  readonly notBefore: number;
  /** Monotonic milliseconds: the proxies are not asked to stop before. */
  readonly restsUntil: number;
  /** Failures in a row. */
  readonly failures: number;
  readonly problem: string | undefined;
}

export const newEnrolment: Enrolment = {
  wanted: undefined,
  listed: undefined,
  listening: { is: 'WAITING' },
  rules: 'NONE',
  options: undefined,
  running: undefined,
  isGone: false,
  notBefore: 0,
  restsUntil: 0,
  failures: 0,
  problem: undefined,
};

export type Event =
  | { readonly type: 'WANTED'; readonly target: Target }
  | { readonly type: 'UNWANTED' }
  | { readonly type: 'GONE' }
  /** Rules were found in the namespace of a pod, after a start of this program. */
  | { readonly type: 'FOUND'; readonly target: Target }
  | { readonly type: 'LISTENING'; readonly listening: Listening }
  | { readonly type: 'BEGUN'; readonly work: Work }
  /** `problem` undefined: what was running is done. */
  | { readonly type: 'DONE'; readonly problem: string | undefined }
  /** Somebody may have changed the rules. */
  | { readonly type: 'SUSPECT' };

/** Rules of one pod are written this often at most, however often its labels change. */
export const restMillis = 500;
/** How long captured connections of a pod that leaves go on. */
export const drainMillis = 30_000;
const maxWaitMillis = 30_000;

/** What an event makes of an enrolment. Pure. `now`: monotonic milliseconds. */
export function after(enrolment: Enrolment, event: Event, now: number): Enrolment {
  switch (event.type) {
    case 'WANTED':
      return { ...(enrolment.isGone ? back(enrolment) : enrolment), wanted: event.target };
    case 'UNWANTED':
      return { ...enrolment, wanted: undefined, problem: undefined, failures: 0 };
    case 'GONE':
      return { ...enrolment, wanted: undefined, isGone: true };
    case 'FOUND':
      return { ...enrolment, rules: 'UNKNOWN', wanted: event.target };
    case 'LISTENING':
      return heard(enrolment, event.listening, now);
    case 'BEGUN':
      return begun(enrolment, event.work, now);
    case 'DONE':
      return done(enrolment, event.problem, now);
    case 'SUSPECT':
      return enrolment.rules === 'WHOLE' ? { ...enrolment, rules: 'UNKNOWN' } : enrolment;
  }
}

/** What was in a namespace that counted as ended is to be read again. */
const back = (enrolment: Enrolment): Enrolment => ({
  ...enrolment,
  isGone: false,
  rules: enrolment.rules === 'NONE' ? 'NONE' : 'UNKNOWN',
});

function heard(enrolment: Enrolment, listening: Listening, now: number): Enrolment {
  if (listening.is !== 'REFUSED') return { ...enrolment, listening };
  return { ...failed(enrolment, listening.problem, now), listening };
}

function begun(enrolment: Enrolment, work: Work, now: number): Enrolment {
  switch (work.do) {
    case 'LIST':
      return {
        ...enrolment,
        listed: work.target,
        listening: { is: 'WAITING' },
        restsUntil: now + restMillis,
      };
    case 'UNLIST':
    case 'CLEAR':
      return { ...enrolment, running: work };
    case 'APPLY':
    case 'STOP':
      return { ...enrolment, running: work, rules: 'UNKNOWN', notBefore: now + restMillis };
  }
}

function done(enrolment: Enrolment, problem: string | undefined, now: number): Enrolment {
  const { running } = enrolment;
  if (!running) return enrolment;
  const ended = { ...enrolment, running: undefined };
  if (problem !== undefined) return failed(ended, problem, now);
  const fine = { ...ended, failures: 0, problem: undefined };
  switch (running.do) {
    case 'LIST':
      return fine;
    case 'APPLY':
      return { ...fine, rules: 'WHOLE', options: running.target.options };
    case 'STOP':
      return { ...fine, rules: 'STOPPED', notBefore: now + drainMillis };
    case 'CLEAR':
      return { ...fine, rules: 'NONE' };
    case 'UNLIST':
      // It is done only where no rules are left, or with the namespace that had them.
      return { ...fine, listed: undefined, listening: { is: 'WAITING' }, rules: 'NONE', options: undefined };
  }
}

/** The first failure is followed by a second attempt after a second, the others after twice as long each. */
function failed(enrolment: Enrolment, problem: string, now: number): Enrolment {
  const wait = Math.min(maxWaitMillis, 1000 * 2 ** Math.min(enrolment.failures, 10));
  return { ...enrolment, problem, failures: enrolment.failures + 1, notBefore: now + wait };
}

/** What is to be done now; a number: nothing before so many milliseconds; undefined: nothing before the next event. */
export function nextOf(enrolment: Enrolment, now: number): Work | number | undefined {
  if (enrolment.running) return undefined;
  const { wanted, listed, isGone } = enrolment;
  if (isGone) return listed ? { do: 'UNLIST' } : undefined;
  // A sandbox that was made again: what was in the old namespace went with it.
  if (wanted && listed && listed.identity !== wanted.identity) return { do: 'UNLIST' };
  return wanted ? joins(enrolment, wanted, now) : leaves(enrolment, now);
}

function joins(enrolment: Enrolment, wanted: Target, now: number): Work | number | undefined {
  const { listed, listening, rules, options, notBefore } = enrolment;
  if (!listed) return { do: 'LIST', target: wanted };
  // Rules of a pod in which no proxy listens would refuse its connections; those that are there stay.
  if (listening.is === 'WAITING') return undefined;
  const isRefused = listening.is === 'REFUSED';
  if (!isRefused && rules === 'WHOLE' && isDeepStrictEqual(options, wanted.options)) return undefined;
  // After STOP the time is that of the drain, which a pod that returns need not wait for.
  if (now < notBefore && rules !== 'STOPPED') return notBefore - now;
  return isRefused ? { do: 'LIST', target: wanted } : { do: 'APPLY', target: wanted };
}

function leaves(enrolment: Enrolment, now: number): Work | number | undefined {
  const { listed, rules, notBefore, restsUntil } = enrolment;
  if (!listed) return undefined;
  if (rules === 'NONE') return now < restsUntil ? restsUntil - now : { do: 'UNLIST' };
  if (now < notBefore) return notBefore - now;
  return rules === 'STOPPED' ? { do: 'CLEAR', target: listed } : { do: 'STOP', target: listed };
}

/** Whether nothing is left to remember. */
export const isOver = ({ wanted, listed, running, rules, isGone }: Enrolment): boolean =>
  !wanted && !listed && !running && (isGone || rules === 'NONE');

/** New connections of it are captured: proxies listen, and the rules were read back. */
export const isCaptured = ({ wanted, rules, listening, listed }: Enrolment): boolean =>
  wanted !== undefined && listed !== undefined && rules === 'WHOLE' && listening.is === 'YES';
