import { createHash } from 'node:crypto';
import { dryRunAnnotation, isDryRun } from './authorization-policy.ts';
import type { AuthorizationPolicyObject, Metadata, PeerAuthenticationObject } from './objects.ts';
import { unreadRule, type PolicyRule } from './policy-rule.ts';
import { action, matchLabel, targetRef } from './policy-schemas.ts';
import { generationOf } from './metadata.ts';
import { readCreation } from './precedence.ts';
import { isRecord, readRule } from './read-rule.ts';
import { dnsLabel, subdomain } from './shapes.ts';

/** What is in force where a security policy is refused and no good form of it is known. */
export type StandIn = AuthorizationPolicyObject | PeerAuthenticationObject;

/**
 * A security policy that cannot be read closes and never opens: what stands in for it denies every connection that it
 * would deny once it is corrected. Undefined where it denies nothing either way: for a target, in a dry run, for a DENY
 * without rules, and for AUDIT and CUSTOM, which no L4 proxy enforces. NO_NAMESPACE: what it would deny is not known, as
 * its namespace cannot be read.
 */
export function standInFor(raw: unknown): StandIn | 'NO_NAMESPACE' | undefined {
  if (!isRecord(raw)) return undefined;
  if (raw['kind'] !== 'PeerAuthentication' && raw['kind'] !== 'AuthorizationPolicy') return undefined;
  const metadata = readMetadata(raw['kind'], raw);
  if (!metadata) return 'NO_NAMESPACE';
  if (raw['kind'] === 'PeerAuthentication') return strictFor(raw['spec'], metadata);
  return closedPolicy(raw, metadata);
}

type Raw = Readonly<Record<string, unknown>>;

const policyFields = new Set(['selector', 'targetRef', 'targetRefs', 'action', 'provider', 'rules']);

function closedPolicy(raw: Raw, metadata: Metadata): AuthorizationPolicyObject | undefined {
  const spec = raw['spec'];
  const written = isRecord(spec) ? readAction(spec) : undefined;
  if (written === 'NEITHER' || isDryRun(metadata)) return undefined;
  const { selector, isTargeted } = readScope(spec);
  if (isTargeted) return undefined;
  const standIn = (kind: 'ALLOW' | 'DENY', rules: readonly PolicyRule[]): AuthorizationPolicyObject => ({
    kind: 'AuthorizationPolicy',
    metadata,
    selector,
    targets: [],
    action: kind,
    provider: undefined,
    rules,
    dryRun: false,
  });
  if (written === 'ALLOW') return standIn('ALLOW', []);
  const rules = written === 'DENY' && isRecord(spec) ? rulesOf(spec) : [unreadRule('spec.action')];
  return rules.length === 0 ? undefined : standIn('DENY', rules);
}

/** Undefined: it may be any. NEITHER: what is enforced by no L4 proxy. */
function readAction(spec: Raw): 'ALLOW' | 'DENY' | 'NEITHER' | undefined {
  const { action: written } = spec;
  if (written === undefined)
    return unknownFields(spec).some(([, value]) => mayBeAction(value)) ? undefined : 'ALLOW';
  const parsed = action.safeParse(written);
  if (!parsed.success) return undefined;
  return parsed.data === 'ALLOW' || parsed.data === 'DENY' ? parsed.data : 'NEITHER';
}

const unknownFields = (spec: Raw) => Object.entries(spec).filter(([field]) => !policyFields.has(field));

/** A field that nobody knows may be a misspelt `action` if it has one value. */
const mayBeAction = (value: unknown): boolean => typeof value !== 'object' || value === null;

/** A field that nobody knows may be a misspelt `rules`. */
function rulesOf(spec: Raw): readonly PolicyRule[] {
  const { rules } = spec;
  if (rules === undefined || (Array.isArray(rules) && rules.length === 0))
    return unknownFields(spec).length === 0 ? [] : [unreadRule('spec.rules')];
  return Array.isArray(rules) ? rules.map(readRule) : [unreadRule('spec.rules')];
}

/** A selector as far as it can be read, as a label less selects no less. A target counts only where it is all there is. */
function readScope(spec: unknown): { selector: Readonly<Record<string, string>>; isTargeted: boolean } {
  if (!isRecord(spec)) return { selector: {}, isTargeted: false };
  const { selector, targetRef: one, targetRefs: several } = spec;
  const refs: readonly unknown[] = [
    ...(one === undefined ? [] : [one]),
    ...(Array.isArray(several) ? (several as readonly unknown[]) : several === undefined ? [] : [several]),
  ];
  const isTargeted =
    selector === undefined && refs.length > 0 && refs.every((ref) => targetRef.safeParse(ref).success);
  return { selector: readLabels(selector), isTargeted };
}

function readLabels(selector: unknown): Readonly<Record<string, string>> {
  const written = isRecord(selector) && isRecord(selector['matchLabels']) ? selector['matchLabels'] : {};
  const readable = Object.entries(written).flatMap((entry) => {
    const parsed = matchLabel.safeParse(entry);
    return parsed.success ? [parsed.data] : [];
  });
  return Object.fromEntries(readable);
}

/** STRICT on every port, for the workloads that it may be about. */
function strictFor(spec: unknown, metadata: Metadata): PeerAuthenticationObject {
  const written = isRecord(spec) ? spec : { selector: spec };
  const isKnown = Object.keys(written).every((field) => field === 'mtls' || field === 'portLevelMtls');
  return {
    kind: 'PeerAuthentication',
    metadata,
    level: isKnown ? 'NAMESPACE' : 'WORKLOAD',
    selector: readLabels(written['selector']),
    mode: 'STRICT',
    ports: new Map(),
  };
}

/**
 * As much as can be read; a name of its own where the policy's cannot. Undefined where its namespace cannot.
 */
function readMetadata(kind: string, raw: Raw): Metadata | undefined {
  const written = raw['metadata'];
  if (!isRecord(written)) return undefined;
  const namespace = dnsLabel.safeParse(plainText(written['namespace'] ?? 'default'));
  if (!namespace.success) return undefined;
  const named = subdomain.safeParse(plainText(written['name']));
  // `~` cannot stand in a Kubernetes name.
  const name = named.success ? named.data : `unnamed~${digest(raw)}`;
  const annotations = isRecord(written['annotations']) ? written['annotations'] : {};
  const dryRun = annotations[dryRunAnnotation];
  return {
    name,
    namespace: namespace.data,
    uid: `${namespace.data}.${name}`,
    createdAt: readCreation(written['creationTimestamp']),
    labels: {},
    annotations: typeof dryRun === 'string' ? { [dryRunAnnotation]: dryRun } : {},
    ...generationOf(kind, written['generation']),
  };
}

/** YAML takes `name: 7` for a number. */
const plainText = (value: unknown): unknown =>
  typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;

const digest = (raw: Raw): string =>
  createHash('sha256').update(JSON.stringify(raw)).digest('hex').slice(0, 12);
