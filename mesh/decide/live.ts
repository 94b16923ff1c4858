import { issuerRefusal } from '../identity/hosting.ts';
import type { IssuerTable } from '../identity/issuer-table.ts';
import type { Peer } from '../identity/judge.ts';
import type { MeshState } from '../state/mesh-state.ts';
import type { ServiceKey } from '../records/service.ts';
import type { WorkloadUid } from '../records/workload.ts';
import { judgeArrival, type ArrivalRefusal, type Arrived } from './arrival.ts';

/** A connection, as far as it may have to end for a reason that comes later. */
export interface Live {
  /** Who proved itself by mTLS, at the innermost end; undefined for plaintext. */
  readonly peer: Peer | undefined;
  /** Set where this proxy is the destination. */
  readonly inbound: (Omit<Arrived, 'workload' | 'peer'> & { readonly workload: WorkloadUid }) | undefined;
  /** Set where this proxy is the source and knows what was called: the service, and the cluster that answered. */
  readonly outbound: { readonly service: ServiceKey; readonly cluster: string } | undefined;
}

type Ends =
  | {
      readonly kind: 'ends';
      /** ISSUER_NOT_TRUSTED: its issuer was revoked, or is not known. */
      readonly cause: 'ISSUER_NOT_TRUSTED' | 'NAMESPACE_NOT_ALLOWED' | 'LEFT_CLUSTER';
      readonly message: string;
    }
  | {
      readonly kind: 'ends';
      /** The destination's workload or its policies refuse it now. */
      readonly cause: 'DENIED';
      readonly code: ArrivalRefusal;
      readonly message: string;
    };

export type LiveVerdict = { readonly kind: 'lives' } | Ends;

/** What holds for a connection that is new: one for which a policy is missing does not begin before that has come. */
export type EnteringVerdict =
  LiveVerdict | { readonly kind: 'unknown'; readonly missing: readonly string[]; readonly message: string };

const lives: LiveVerdict = Object.freeze({ kind: 'lives' });

/** What holds for a connection by all that is known now, before it is let in. */
export function judgeEntering(state: MeshState, table: IssuerTable, live: Live): EnteringVerdict {
  const { peer, inbound, outbound } = live;
  const refusal = peer && issuerRefusal(table, peer);
  if (refusal) {
    const { reason, message } = refusal;
    const cause = reason === 'NAMESPACE_NOT_ALLOWED' ? reason : 'ISSUER_NOT_TRUSTED';
    return { kind: 'ends', cause, message };
  }
  if (outbound && state.services.get(outbound.service)?.leftClusters.includes(outbound.cluster))
    return {
      kind: 'ends',
      cause: 'LEFT_CLUSTER',
      message: `cluster ${outbound.cluster} was drained, and its deadline is over`,
    };
  if (!inbound) return lives;
  const workload = state.workloads.get(inbound.workload);
  // What is live ends with its workload, by itself; nothing new may begin by what nobody knows.
  if (!workload)
    return { kind: 'unknown', missing: [], message: `workload ${inbound.workload} is not known any more` };
  const arrival = judgeArrival(state, { ...inbound, workload, peer });
  switch (arrival.kind) {
    case 'allowed':
      return lives;
    case 'unknown':
      return arrival;
    case 'refused':
      return { kind: 'ends', cause: 'DENIED', code: arrival.code, message: arrival.message };
  }
}

/** Whether a connection that was let in may live on. That a policy is missing does not end it. */
export function judgeLive(state: MeshState, table: IssuerTable, live: Live): LiveVerdict {
  const verdict = judgeEntering(state, table, live);
  return verdict.kind === 'unknown' ? lives : verdict;
}
