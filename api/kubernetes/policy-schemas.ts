import { z } from 'zod';
import { parseBlock } from '@isthmus/mesh/net/cidr.ts';
import { readPort } from '@isthmus/mesh/net/port.ts';
import { isAttribute } from './policy-attributes.ts';

// Istio's security policies. An unknown field is refused, as a misspelt one must not let more in.

const text = z.string().min(1).max(2048);
const texts = z.array(text).max(1000).optional();

const isBlock = (one: string) => parseBlock(one).ok;
const isPort = (one: string) => readPort(one) !== undefined;
/** `<service account>` or `<namespace>/<service account>`, without wildcards (Istio's CheckServiceAccount). */
const isAccount = (one: string) => /^[^/*]+(\/[^/*]+)?$/.test(one);
/** Alone, or once at one end (Istio's CheckTrustDomainValues). */
const isTrustDomain = (one: string) => one === '*' || /^(\*[^/*]+|[^/*]+\*?)$/.test(one);

const wrongBlock = 'is not an IP address or CIDR block';
const wrongPort = 'is not a port: write 1 to 65535 in decimal digits, without a leading zero';
const wrongAccount = 'is not <service account> or <namespace>/<service account>';
const wrongTrustDomain = 'is not a trust domain, with at most one * at its beginning or its end';

const listOf = (is: (one: string) => boolean, message: string) =>
  z.array(text.refine(is, message)).max(1000).optional();

const blocks = listOf(isBlock, wrongBlock);
const ports = listOf(isPort, wrongPort);
const accounts = listOf(isAccount, wrongAccount);
const trustDomains = listOf(isTrustDomain, wrongTrustDomain);

/** The fields of a source and of an operation, each by itself. */
export const sourceFields = {
  principals: texts,
  notPrincipals: texts,
  namespaces: texts,
  notNamespaces: texts,
  trustDomains,
  notTrustDomains: trustDomains,
  ipBlocks: blocks,
  notIpBlocks: blocks,
  serviceAccounts: accounts,
  notServiceAccounts: accounts,
  requestPrincipals: texts,
  notRequestPrincipals: texts,
  remoteIpBlocks: blocks,
  notRemoteIpBlocks: blocks,
};

export const operationFields = {
  ports,
  notPorts: ports,
  hosts: texts,
  notHosts: texts,
  methods: texts,
  notMethods: texts,
  paths: texts,
  notPaths: texts,
};

/** Where nothing is set nothing is matched, so that a rule of a DENY would be lost without a word. */
const saysSomething = (value: object) =>
  Object.values(value).some((list: unknown) => Array.isArray(list) && list.length > 0);
const empty =
  'is empty and would match nothing: name what it shall match, or leave it out to match everything';

const source = z.strictObject(sourceFields).refine(saysSomething, empty);
const operation = z.strictObject(operationFields).refine(saysSomething, empty);

/** What the values of a condition have to be. */
const valuesOf: Readonly<
  Record<string, { readonly is: (one: string) => boolean; readonly message: string }>
> = {
  'source.ip': { is: isBlock, message: wrongBlock },
  'destination.ip': { is: isBlock, message: wrongBlock },
  'destination.port': { is: isPort, message: wrongPort },
  'source.serviceAccount': { is: isAccount, message: wrongAccount },
  'source.trustDomain': { is: isTrustDomain, message: wrongTrustDomain },
};

export const condition = z
  .strictObject({
    key: z.string().min(1).max(300).refine(isAttribute, 'is not an attribute of a connection or a request'),
    values: texts,
    notValues: texts,
  })
  .refine(saysSomething, 'needs values or notValues')
  .superRefine(({ key, values = [], notValues = [] }, context) => {
    const rule = valuesOf[key];
    if (!rule) return;
    for (const [field, list] of Object.entries({ values, notValues }))
      for (const [index, one] of list.entries())
        if (!rule.is(one)) context.addIssue({ code: 'custom', path: [field, index], message: rule.message });
  });

const rule = z.strictObject({
  from: z
    .array(z.strictObject({ source }))
    .min(1, 'must not be empty: leave it out to match any source')
    .max(1000)
    .optional(),
  to: z
    .array(z.strictObject({ operation }))
    .min(1, 'must not be empty: leave it out to match any operation')
    .max(1000)
    .optional(),
  when: z.array(condition).max(1000).optional(),
});

/** A `*` would be taken for itself, and select nothing (Istio's CRD refuses it). */
export const matchLabel = z.tuple([
  z
    .string()
    .min(1)
    .max(317)
    .regex(/^[^*]*$/, 'takes no wildcard'),
  z
    .string()
    .max(63)
    .regex(/^[^*]*$/, 'takes no wildcard'),
]);
const matchLabels = z
  .record(z.string(), z.string())
  .superRefine((labels, context) => {
    for (const entry of Object.entries(labels)) {
      const parsed = matchLabel.safeParse(entry);
      const [issue] = parsed.error?.issues ?? [];
      if (issue) context.addIssue({ code: 'custom', path: [entry[0]], message: issue.message });
    }
  })
  .optional();
const selector = z.strictObject({ matchLabels }).optional();

export const targetRef = z.looseObject({ kind: z.string().min(1), name: z.string().min(1) });
export const action = z.enum(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']);

/** Beside the spec, so that a misspelt one is found. */
const frame = {
  apiVersion: z.unknown(),
  kind: z.unknown(),
  metadata: z.unknown(),
  status: z.unknown().optional(),
};

export const authorizationPolicy = z.strictObject({
  ...frame,
  spec: z
    .strictObject({
      selector,
      targetRef: targetRef.optional(),
      targetRefs: z.array(targetRef).max(16).optional(),
      action: action.optional(),
      provider: z.looseObject({}).optional(),
      rules: z.array(rule).max(1000).optional(),
    })
    .refine((spec) => !spec.selector || (!spec.targetRef && !spec.targetRefs?.length), {
      path: ['targetRefs'],
      message: 'cannot stand beside a selector: a policy is for workloads or for a target',
    })
    .refine((spec) => spec.action !== 'DENY' || (spec.rules ?? []).length > 0, {
      path: ['rules'],
      message: 'must not be empty: a DENY without rules denies nothing; use `- {}` to deny everything',
    })
    .optional(),
});

const mode = z.enum(['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT']).optional();

export const peerAuthentication = z.strictObject({
  ...frame,
  spec: z
    .strictObject({
      selector,
      mtls: z.strictObject({ mode }).optional(),
      portLevelMtls: z
        .record(z.string(), z.strictObject({ mode }))
        .superRefine((modes, context) => {
          for (const port of Object.keys(modes))
            if (!isPort(port)) context.addIssue({ code: 'custom', path: [port], message: wrongPort });
        })
        .optional(),
    })
    .refine(
      ({ portLevelMtls = {}, selector: by }) =>
        Object.keys(portLevelMtls).length === 0 || Object.keys(by?.matchLabels ?? {}).length > 0,
      {
        path: ['portLevelMtls'],
        message: 'needs a selector: ports are those of workloads, never of a namespace or the mesh',
      },
    )
    .optional(),
});
