import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import type { Tour } from '../context.ts';
import { clusterIssuer } from '../member.ts';
import { forge, forger } from './forger.ts';

/** Callers that must not come in, by what they are. */
export type Strangers = Readonly<Record<string, Credentials | undefined>>;

/**
 * No member at all; `name`, which is a true one, from a root that no member uses; and `foreignName`, of another trust domain,
 * issued by the intermediate of a member, with the foreign root behind it.
 */
export function strangersOf(
  { sandbox, clock }: Tour,
  { name, foreignName }: { readonly name: string; readonly foreignName: string },
): Strangers {
  const now = clock.now();
  const foreign = forger('foreign', now);
  const member = clusterIssuer(sandbox, 'west');
  return {
    'a caller without a certificate': undefined,
    'the right name from a foreign root': forge(
      name,
      foreign.intermediate,
      [foreign.intermediate.certificate, foreign.root],
      now,
    ),
    'another trust domain issued by a member, a foreign root behind': forge(
      foreignName,
      member,
      [member.certificate, foreign.root],
      now,
    ),
  };
}
