import { createHash } from 'node:crypto';
import { severities, type Severity } from './condition.ts';

/** Something that a cluster's manifests say and Isthmus does not do: an object, or a part of one. */
export interface Rejection {
  /** UPPER_SNAKE, stable: `INVALID_FIELD`. */
  readonly code: string;
  /** ERROR: the object is refused. WARNING: it is taken without a part. INFO: it is of a kind that is not used. */
  readonly severity: Severity;
  /** `<kind> <namespace>/<name>`, e.g. `Pod shop/cart-1`; the file, when nothing could be read of it. */
  readonly object: string;
  /** Path within the object, e.g. `spec.ports[0].port`; '' when it is the whole. */
  readonly field: string;
  /** What is wrong, and what to do about it. */
  readonly message: string;
  /** Path below the folder of manifests; '' where it comes from no file. */
  readonly file: string;
  /** Where the object begins, from 1; 0 where that is not known. */
  readonly line: number;
}

/** What is wrong with a part of an object, before it is known which object and file it is in. */
export type Finding = Pick<Rejection, 'code' | 'severity' | 'field' | 'message'>;

export type RejectionCounts = Readonly<Record<Severity, number>>;

export function countRejections(rejections: readonly Rejection[]): RejectionCounts {
  const counts = { ERROR: 0, WARNING: 0, INFO: 0 };
  for (const { severity } of rejections) counts[severity]++;
  return counts;
}

/**
 * Where a rejection stands in the list, as text that sorts: gravest first, then by file, line, object and field. Equal
 * rejections have equal places, and all others have different ones.
 */
export function placeOfRejection({ severity, code, object, field, message, file, line }: Rejection): string {
  const rest = createHash('sha256')
    .update(JSON.stringify([code, message]))
    .digest('hex')
    .slice(0, 16);
  const at = [severities.indexOf(severity), file, String(line).padStart(7, '0'), object, field, rest];
  return at.join('\u0000');
}

/** The places of all rejections of one severity: from the first text up to, and without, the second one. */
export function placesOf(severity: Severity): { readonly from: string; readonly to: string } {
  const index = severities.indexOf(severity);
  return { from: `${index}\u0000`, to: `${index + 1}\u0000` };
}
