/** Why a route could not be used: what `blamesRoute` and `isAnswer` read of the error. */
export type DialFailure =
  /** A CONNECT was answered with another status than 200. */
  | { readonly kind: 'refused'; readonly status: number }
  /** Our own certificate did not come. */
  | { readonly kind: 'no-certificate' }
  /** Nobody answered, or not as who should. */
  | { readonly kind: 'unreached' };

/**
 * The destination's proxy, or the gateway before it, has judged this caller by policy: every other endpoint of the
 * service has to say the same, so to ask it would only be counted and logged as one more denial.
 */
export const isAnswer = (failure: DialFailure): boolean =>
  failure.kind === 'refused' && (failure.status === 401 || failure.status === 403);

/**
 * Evidence against the route, so that it is deprioritised. A refusal of this caller and a missing certificate of our own
 * are none: they would divert the connections of other callers. A 404 is evidence: the gateway does not know the service,
 * so it refuses every caller, and each refusal costs a retry of the budget.
 */
export function blamesRoute(failure: DialFailure): boolean {
  switch (failure.kind) {
    case 'refused':
      return failure.status >= 500 || failure.status === 404;
    case 'no-certificate':
      return false;
    case 'unreached':
      return true;
  }
}
