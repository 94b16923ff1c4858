import type { Peer } from '../identity/judge.ts';
import type { Verdict } from '../rbac/evaluate.ts';
import type { Seen } from '../rbac/matching.ts';
import { verdictFor } from '../rbac/policies-for.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { ServiceKey } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';
import { grantRefusal } from './granted.ts';
import { plaintextRefusal } from './plaintext.ts';

/** A connection at its destination: what policies judge, and what else a workload demands of its callers. */
export interface Arrived {
  readonly facts: Seen;
  /** Canonical text: plaintext is judged by where it came from. */
  readonly sourceAddress: string;
  /** Undefined for plaintext. */
  readonly peer: Peer | undefined;
  readonly workload: Workload;
  /** The workload's own port, as `decideInbound` resolved it. */
  readonly port: number;
  /** The service that the CONNECT named, if it named one. */
  readonly service: ServiceKey | undefined;
}

/** Why a workload refuses a connection. Stable: explanations carry it. */
export type ArrivalRefusal =
  /** Plaintext at a workload that takes mTLS only. */
  | 'STRICT'
  /** Plaintext from an east-west gateway, or from another network. */
  | 'FROM_GATEWAY'
  | 'OTHER_NETWORK'
  /** No export of the service covers the caller's cluster. */
  | 'NOT_GRANTED'
  /** A DENY policy matches. */
  | 'DENIED'
  /** ALLOW policies apply and none matches. */
  | 'NOT_ALLOWED';

export type ArrivalVerdict =
  /** With the policy and the rule that decided. */
  | { readonly kind: 'allowed'; readonly verdict: Verdict }
  | {
      readonly kind: 'refused';
      readonly code: ArrivalRefusal;
      readonly message: string;
      /** Undefined where no policy was asked. */
      readonly verdict: Verdict | undefined;
    }
  /** A policy that is named has not come: a new connection waits for it and is refused without, a live one stays. */
  | { readonly kind: 'unknown'; readonly missing: readonly string[]; readonly message: string };

/** What holds for a connection by all that is known now. */
export function judgeArrival(state: MeshState, arrived: Arrived): ArrivalVerdict {
  const { facts, sourceAddress, peer, workload } = arrived;
  // The control plane sends a policy that says the same; what it says of the workload itself needs no policy.
  if (workload.strict && !peer) return refused({ code: 'STRICT', message: 'plaintext is not taken' });
  const refusal = peer
    ? grantRefusal(state, arrived)
    : plaintextRefusal(state, workload.network, sourceAddress);
  if (refusal) return refused(refusal);
  const applicable = state.policies.applicable(workload);
  const verdict = verdictFor(applicable, facts);
  if (verdict.allowed) return { kind: 'allowed', verdict };
  const { reason, message } = verdict;
  return reason === 'POLICY_UNKNOWN'
    ? { kind: 'unknown', missing: applicable.missing, message }
    : { kind: 'refused', code: reason === 'DENIED' ? 'DENIED' : 'NOT_ALLOWED', message, verdict };
}

const refused = ({ code, message }: { code: ArrivalRefusal; message: string }): ArrivalVerdict => ({
  kind: 'refused',
  code,
  message,
  verdict: undefined,
});
