/** A part of an object that was taken and that Isthmus does not act on; `reason` begins with NOT_APPLIED. */
export interface Unapplied {
  /** Path within the object. */
  readonly field: string;
  readonly reason: string;
}
