import type { WorkloadIdentity } from '../identity/spiffe-id.ts';
import type { Workload } from '../records/workload.ts';

/** A connection as policies see it. `destination` is the resolved local target, never a VIP. */
export interface Connection {
  readonly source: {
    readonly address: string;
    /** Proved by the peer's certificate; undefined for plaintext. */
    readonly identity: WorkloadIdentity | undefined;
  };
  readonly destination: { readonly address: string; readonly port: number; readonly workload: Workload };
}
