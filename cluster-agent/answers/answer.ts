import type { Answer, Ask } from '@isthmus/api/domain/question.ts';
import type { ServedReports } from '../proxies/serve-reports.ts';
import type { OwnCoverage } from '../coverage/own-coverage.ts';
import { answerPolicies } from './policies-answer.ts';
import { answerRejections } from './rejections-answer.ts';
import type { TranslateInput } from '../translate/input.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import { answerWorkloads } from './workloads-answer.ts';

/** What answers are made of. */
export interface Answering {
  readonly input: TranslateInput;
  readonly snapshot: ClusterSnapshot;
  readonly proxies: Pick<ServedReports, 'answer'>;
  readonly coverage: Pick<OwnCoverage, 'progress'>;
}

/** The answer to a question of the hub. Rejects before the cluster is listed, when there is nothing to answer from. */
export function answerTo(ask: Ask, from: Answering | undefined): Promise<Answer> {
  if (!from) return Promise.reject(new Error('this cluster has not been listed yet'));
  switch (ask.kind) {
    case 'rejections':
      return Promise.resolve(answerRejections(from.input.view, ask));
    case 'workloads':
      return Promise.resolve(answerWorkloads(from.input, from.snapshot, ask));
    case 'proxies':
      return Promise.resolve(from.proxies.answer(ask));
    case 'policies':
      return Promise.resolve(answerPolicies({ view: from.input.view, coverage: from.coverage }, ask));
  }
}
