/**
 * What pure code answers with: a value, or a typed error. Code that does I/O throws instead; a pure function
 * (decode, translate, decide, compile) never does, so that one bad object cannot stop the others.
 */
export type Result<T, E> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export const ok = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

export const err = <E>(error: E): { readonly ok: false; readonly error: E } => ({ ok: false, error });
