import type { AnswerTo, Ask } from '@isthmus/api/domain/question.ts';
import { HubError } from '../hub-error.ts';
import type { RequestContext } from './context.ts';
import { apiError } from './pages.ts';

/** Asks the agent of a cluster that is a member. Throws an error of the API. */
export async function askCluster<A extends Ask>(
  cluster: string,
  question: A,
  { ask, snapshot }: RequestContext,
): Promise<AnswerTo<A>> {
  if (!snapshot.intent.clusters.has(cluster))
    throw apiError('NOT_FOUND', `no cluster '${cluster}' is known: isthmus clusters lists them`);
  try {
    return await ask(cluster, question);
  } catch (error) {
    if (error instanceof HubError) throw apiError(error.code, error.message);
    throw error;
  }
}
