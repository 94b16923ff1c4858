/** How one text value is matched. A principal is compared without `spiffe://`. */
export type StringMatch =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'suffix'; readonly value: string }
  | { readonly kind: 'presence' };

/** A block of addresses: canonical text and prefix length. */
export interface AddressMatch {
  readonly address: string;
  readonly prefix: number;
}

export interface ServiceAccountMatch {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** All attributes that are set must match; the values within one are alternatives; `not…` must not match. */
export interface Match {
  readonly namespaces: readonly StringMatch[];
  readonly notNamespaces: readonly StringMatch[];
  readonly principals: readonly StringMatch[];
  readonly notPrincipals: readonly StringMatch[];
  readonly sourceIps: readonly AddressMatch[];
  readonly notSourceIps: readonly AddressMatch[];
  readonly destinationIps: readonly AddressMatch[];
  readonly notDestinationIps: readonly AddressMatch[];
  readonly destinationPorts: readonly number[];
  readonly notDestinationPorts: readonly number[];
  readonly serviceAccounts: readonly ServiceAccountMatch[];
  readonly notServiceAccounts: readonly ServiceAccountMatch[];
}

/** Matches are alternatives. */
export type Clause = readonly Match[];

/** All clauses must match. */
export type Rule = readonly Clause[];

/**
 * One L4 policy (Istio workload API). Rules are alternatives. `key` is the resource's name, by which workloads
 * name it; for hub policies `<namespace>/isthmus~<name>`.
 */
export interface Authorization {
  readonly key: string;
  readonly name: string;
  readonly namespace: string;
  readonly scope: 'GLOBAL' | 'NAMESPACE' | 'WORKLOAD_SELECTOR';
  readonly action: 'ALLOW' | 'DENY';
  readonly rules: readonly Rule[];
  readonly dryRun: boolean;
}
