/** Who a token proves its bearer to be: a service account, in a pod, on a node. */
export interface Caller {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: { readonly name: string; readonly uid: string };
  readonly node: string;
}

/** Proves callers. */
export interface Authenticator {
  /** `header` is the call's `authorization`. Throws UNAUTHENTICATED, or NOT_REVIEWED when that cannot be found out at present. */
  authenticate(header: string | undefined): Promise<Caller>;
}
