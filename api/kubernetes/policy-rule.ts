/** What a field or a condition asks for: one of `values`, and none of `notValues`. An absent list is empty. */
export interface Demand {
  readonly values: readonly string[];
  readonly notValues: readonly string[];
}

/** Each by the field that asks for the contrary (Istio's Source, in the order of its documentation). */
export const sourceFieldNames = {
  principals: 'notPrincipals',
  namespaces: 'notNamespaces',
  trustDomains: 'notTrustDomains',
  ipBlocks: 'notIpBlocks',
  serviceAccounts: 'notServiceAccounts',
  requestPrincipals: 'notRequestPrincipals',
  remoteIpBlocks: 'notRemoteIpBlocks',
} as const;

/** The same of Istio's Operation. */
export const operationFieldNames = {
  ports: 'notPorts',
  hosts: 'notHosts',
  methods: 'notMethods',
  paths: 'notPaths',
} as const;

export type SourceField = keyof typeof sourceFieldNames;
export type OperationField = keyof typeof operationFieldNames;

/** All fields have to hold. A field that asks for nothing is absent. */
export interface PolicySource {
  readonly fields: Readonly<Partial<Record<SourceField, Demand>>>;
  readonly unread: readonly string[];
}

export interface PolicyOperation {
  readonly fields: Readonly<Partial<Record<OperationField, Demand>>>;
  readonly unread: readonly string[];
}

export interface PolicyCondition extends Demand {
  /** An attribute of a connection or of a request; '' where the condition cannot be read. */
  readonly key: string;
  readonly unread: readonly string[];
}

/**
 * A rule of an AuthorizationPolicy with all of its clauses, including those that need L7. All clauses have to hold, and
 * `from` and `to` list alternatives. `unread` names parts of a refused policy that cannot be read, which may ask for
 * anything; it is empty in every policy that was accepted.
 */
export interface PolicyRule {
  /** Undefined: any source. */
  readonly from: readonly PolicySource[] | undefined;
  /** Undefined: any operation. */
  readonly to: readonly PolicyOperation[] | undefined;
  readonly when: readonly PolicyCondition[];
  readonly unread: readonly string[];
}

/** A rule of which nothing can be read. */
export const unreadRule = (what: string): PolicyRule => ({
  from: undefined,
  to: undefined,
  when: [],
  unread: [what],
});
