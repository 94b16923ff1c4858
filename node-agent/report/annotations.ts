import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { isCaptured, type Enrolment } from '../enrol/enrolment.ts';

/** Istio's: it says that a pod is captured, so that peers speak HBONE to it. */
export const redirection = 'ambient.istio.io/redirection';
/** Why a pod that is to be captured is not. */
export const notCaptured = 'isthmus.io/not-captured';

export type Annotations = Readonly<Record<string, string>>;

const maxReason = 500;

/**
 * The annotations of a pod. `why`: the reason for which it is not eligible, although its labels ask for capture. A captured pod
 * keeps its annotation while no proxy is connected: its rules refuse all other traffic, and peers call it as before.
 */
export function annotationsOf(enrolment: Enrolment | undefined, why: string | undefined): Annotations {
  if (enrolment && (isCaptured(enrolment) || isWaitingForProxy(enrolment)))
    return { [redirection]: 'enabled' };
  const reason = why ?? enrolment?.problem;
  return reason === undefined ? {} : { [notCaptured]: reason.slice(0, maxReason).toWellFormed() };
}

const isWaitingForProxy = ({ wanted, rules, listening }: Enrolment): boolean =>
  wanted !== undefined && rules === 'WHOLE' && listening.is === 'WAITING';

/** Whether a pod has exactly these, of the two. */
export const hasAnnotations = ({ metadata: { annotations } }: PodObject, wanted: Annotations): boolean =>
  [redirection, notCaptured].every((name) => annotations[name] === wanted[name]);
