/**
 * What a person should know of a change that is possible: a consequence, or that the change has no effect. Returned in
 * `warnings`; it refuses nothing.
 */
export interface Warning {
  /** UPPER_SNAKE and stable: NO_ALTERNATIVE, SELECTS_NOTHING, DENIES_EVERYTHING… */
  readonly code: string;
  /** Path within the input that it is about; empty: the whole change. */
  readonly field: readonly string[];
  /** What follows or has no effect, and what to do about it. */
  readonly message: string;
}

/** One warning: code, the input field as a dotted path, and the sentence. */
export const warning = (code: string, field: string, message: string): Warning => ({
  code,
  field: field === '' ? [] : field.split('.'),
  message,
});
