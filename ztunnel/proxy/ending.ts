import type { ArrivalRefusal } from '@isthmus/mesh/decide/arrival.ts';
import type { LiveVerdict } from '@isthmus/mesh/decide/live.ts';
import type { ResponseFlags } from '../telemetry/response-flags.ts';

/** Why a connection ends that could have lived on, for its log and for its metrics. */
export interface Ending {
  readonly message: string;
  readonly flags: ResponseFlags;
}

type Ends = Extract<LiveVerdict, { kind: 'ends' }>;

/** How the access log puts the refusal of a workload. What policies decide names the policy, which says more than a code. */
function refusalText({ code, message }: { readonly code: ArrivalRefusal; readonly message: string }): string {
  switch (code) {
    case 'DENIED':
    case 'NOT_ALLOWED':
      return message;
    case 'STRICT':
    case 'FROM_GATEWAY':
    case 'OTHER_NETWORK':
    case 'NOT_GRANTED':
      return `${code}: ${message}`;
  }
}

/** How a connection that was let in ends by a later verdict. */
export function lateEnding(verdict: Ends): Ending {
  const { message, flags } = refusedEnding(verdict);
  return { message: flags === 'DENY' ? `late denial: ${message}` : message, flags };
}

/** How a connection ends that is not let in. */
export function refusedEnding(verdict: Ends): Ending {
  switch (verdict.cause) {
    case 'ISSUER_NOT_TRUSTED':
      return { message: `CERT_REVOKED: ${verdict.message}`, flags: 'CERT_REVOKED' };
    case 'NAMESPACE_NOT_ALLOWED':
      return { message: `NAMESPACE_NOT_ALLOWED: ${verdict.message}`, flags: 'DENY' };
    case 'LEFT_CLUSTER':
      return { message: verdict.message, flags: '-' };
    case 'DENIED':
      return { message: refusalText(verdict), flags: 'DENY' };
  }
}
