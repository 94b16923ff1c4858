import type { RejectionsAnswer, RejectionsQuestion } from '@isthmus/api/domain/question.ts';
import type { ClusterView } from '../view/cluster-view.ts';

/** One page of what this cluster's manifests say and Isthmus does not do, gravest first. */
export function answerRejections(
  { rejections }: Pick<ClusterView, 'rejections'>,
  { severity, first, after }: RejectionsQuestion,
): RejectionsAnswer {
  const page = rejections.page(severity, after, Math.min(first, 1000));
  const total = severity === '' ? rejections.size : rejections.counts[severity];
  return { kind: 'rejections', rejections: page.rejections, total, hasNext: page.hasNext };
}
