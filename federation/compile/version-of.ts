import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Now } from '../state/now.ts';
import { compileOne, compilePolicy } from './compile-one.ts';
import type { SharedType } from './compiled.ts';

/**
 * The version under which agents report what goes down by a name that intent alone decides: what they say of another
 * one is about the past. Undefined when nothing of that name goes down.
 */
export const versionOf = (now: Now, type: SharedType, name: string): string | undefined =>
  (isBehind(now) ? compileOne(now, type, name) : now.compiled.get(type, name))?.version;

/** The same of an access policy, as clusters of one trust domain get it. */
export const policyVersionOf = (now: Now, name: string, trustDomain: TrustDomain): string | undefined =>
  (isBehind(now) ? compilePolicy(now, name, trustDomain) : now.compiled.policy(name, trustDomain))?.version;

/** A commit is read before the turn ends in which the catalog follows it. */
const isBehind = ({ compiled, intent }: Now): boolean =>
  compiled.systemVersion.revision !== BigInt(intent.revision);
