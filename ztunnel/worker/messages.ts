/**
 * What the control thread and a data worker say to each other. Only structured-cloneable values: a worker may be a
 * thread, and there may be several (design 4). State travels as the same deltas that the agent sent.
 */
export type ToWorker =
  | {
      readonly kind: 'delta';
      readonly type: string;
      readonly resources: readonly { readonly name: string; readonly body: Uint8Array }[];
      readonly removed: readonly string[];
    }
  /** Both wildcard types have been answered: listeners may open. */
  | { readonly kind: 'synced' }
  /** PEM; chain leaf first, without the root. Replaces an earlier one of the same identity for new handshakes. */
  | { readonly kind: 'certificate'; readonly identity: string; readonly key: string; readonly chain: string }
  | { readonly kind: 'certificate-failed'; readonly identity: string; readonly message: string }
  | { readonly kind: 'report'; readonly id: number }
  | { readonly kind: 'drain'; readonly deadlineMillis: number };

export type FromWorker =
  /** A delta has been applied; the control thread acknowledges it upstream, naming what was rejected. */
  | {
      readonly kind: 'applied';
      readonly type: string;
      readonly rejected: readonly { readonly name: string; readonly reason: string }[];
    }
  | { readonly kind: 'want-certificate'; readonly identity: string; readonly urgent: boolean }
  | { readonly kind: 'forget-certificate'; readonly identity: string }
  | { readonly kind: 'listening' }
  | { readonly kind: 'report'; readonly id: number; readonly metrics: unknown; readonly connections: unknown }
  | {
      readonly kind: 'port-not-capturable';
      readonly address: string;
      readonly port: number;
      readonly error: string;
    }
  | { readonly kind: 'drained' };
