import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import type { ClusterObject } from '@isthmus/api/kubernetes/objects.ts';

/** One change of the cluster as a source sees it. `id` is `<kind>/<namespace>/<name>` ('' namespace when it has none). */
export type SourceEvent =
  | { readonly type: 'upsert'; readonly id: string; readonly object: ClusterObject }
  | { readonly type: 'remove'; readonly id: string }
  /** Replaces what was rejected in one file or resource; an empty list clears it. */
  | {
      readonly type: 'rejections';
      readonly origin: string;
      readonly rejections: readonly Rejection[];
      /** They are of another edit of the object than before, though they may be the same. */
      readonly isEdited?: true;
    }
  /** The initial listing is complete. Before it nothing is published. */
  | { readonly type: 'synced' };
