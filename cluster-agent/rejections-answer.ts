import type { RejectionsAnswer, RejectionsQuestion } from '@isthmus/api/domain/question.ts';
import type { ClusterView } from './view/cluster-view.ts';

/** One page of what this cluster's manifests say and Isthmus does not do, gravest first. */
export function answerRejections(
  { rejectionsByPlace }: Pick<ClusterView, 'rejectionsByPlace'>,
  { severity, first, after }: RejectionsQuestion,
): RejectionsAnswer {
  const all = [...rejectionsByPlace].filter(([, one]) => severity === '' || one.severity === severity);
  const rest = all.filter(([place]) => place > after);
  const page = rest.slice(0, Math.min(first, 1000)).map(([, one]) => one);
  return { kind: 'rejections', rejections: page, total: all.length, hasNext: rest.length > page.length };
}
