/** The values within a field are alternatives, the fields of a rule must all match. Empty field: anything. */
export interface AccessRule {
  /** `<trust domain>/ns/<namespace>/sa/<name>`, with `*` alone, leading or trailing. */
  readonly principals: readonly string[];
  /** Of the workload's own trust domain. */
  readonly namespaces: readonly string[];
  readonly ports: readonly number[];
}

export interface AccessTarget {
  /** Empty: every cluster. */
  readonly clusters: readonly string[];
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Global L4 access policy. */
export interface AccessPolicy {
  readonly kind: 'accessPolicy';
  /** Unique, RFC 1123 label. */
  readonly name: string;
  readonly effect: 'ALLOW' | 'DENY' | 'REQUIRE';
  readonly target: AccessTarget;
  readonly rules: readonly AccessRule[];
}
