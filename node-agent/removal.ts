import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { daemonSets } from './access.ts';

/** Set at the DaemonSet by what removes a release before its objects go. */
export const removalMark = 'isthmus.io/remove-capture';

/**
 * Whether an agent that ends takes its rules out of the node: only when its own DaemonSet is gone, is being deleted, or has
 * the mark of its removal. An upgrade and a node that is drained leave them, as the next agent goes on with them. An API
 * server that cannot be asked is no reason to remove anything.
 */
export async function isRemoved(
  server: Pick<ApiServer, 'get'>,
  place: { readonly namespace: string; readonly name: string },
): Promise<boolean> {
  try {
    const { metadata } = (await server.get(daemonSets, place)) as {
      readonly metadata?: {
        readonly deletionTimestamp?: unknown;
        readonly annotations?: Readonly<Record<string, unknown>> | null;
      };
    };
    return metadata?.deletionTimestamp !== undefined || metadata?.annotations?.[removalMark] === 'true';
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    return error.code === 'API_NOT_FOUND';
  }
}
