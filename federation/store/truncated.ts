import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Revision } from './store.ts';

/** Changes were asked for after a revision whose successors are no longer all kept. */
export class HistoryTruncated extends CodedError<'HISTORY_TRUNCATED'> {
  /** The oldest revision after which changes can still be had. */
  readonly oldest: Revision;

  constructor(oldest: Revision) {
    super(
      'HISTORY_TRUNCATED',
      `changes after a revision below ${oldest} are no longer kept: read everything again, then ask from there`,
    );
    this.oldest = oldest;
  }
}
