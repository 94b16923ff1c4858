import type { Denied } from '../command/attempts.ts';
import { HubError, type HubErrorCode } from '../hub-error.ts';

/** Codes of refusals that say that the caller may not come in; others are of what it asks for, or of the hub. */
const denials: ReadonlySet<HubErrorCode> = new Set<HubErrorCode>([
  'UNAUTHENTICATED',
  'PERMISSION_DENIED',
  'TOO_MANY',
  'TOKEN_UNKNOWN',
  'TOKEN_USED',
  'TOKEN_EXPIRED',
  'TOKEN_OTHER_CLUSTER',
]);

/** The audit entry of a call that was denied; undefined when it failed for another reason. `peer`: host:port. */
export function denialOf(
  error: unknown,
  peer: string,
  what: Pick<Denied, 'action' | 'subject' | 'input'>,
): Denied | undefined {
  if (!(error instanceof HubError) || !denials.has(error.code)) return undefined;
  const { code, message } = error;
  return { ...what, actor: peer.slice(0, peer.lastIndexOf(':')), error: { code, field: [], message } };
}
