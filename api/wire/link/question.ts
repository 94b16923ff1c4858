import type { Answer, Ask, Question, Reply, WorkloadSummary } from '../../domain/question.ts';
import {
  QuestionSchema,
  ReplySchema,
  type WorkloadSummary as WireSummary,
  type WorkloadsReply,
} from '../../gen/isthmus/link_pb.js';
import { codec, sortedRecord, type Codec } from '../binary.ts';
import type { Fields } from '../fields.ts';

/** Hub to agent. */
export const question: Codec<Question> = codec(
  QuestionSchema,
  ({ id, deadlineMillis, ask: { namespace, labels, first, after } }) => ({
    id,
    deadlineMillis,
    question: {
      case: 'workloads' as const,
      value: { namespace, first, after, labels: sortedRecord(Object.entries(labels)) },
    },
  }),
  (message, fields): Question => ({
    id: fields.text('id', message.id),
    deadlineMillis: message.deadlineMillis,
    ask: readAsk(message.question.value, fields),
  }),
);

function readAsk(value: Omit<Ask, 'kind'> | undefined, fields: Fields): Ask {
  const none = { namespace: '', first: 0, after: '', labels: {} };
  const { namespace, labels, first, after } = fields.required('question', value, none);
  return { kind: 'workloads', namespace, labels: { ...labels }, first, after };
}

/** Agent to hub. */
export const reply: Codec<Reply> = codec(
  ReplySchema,
  (value) =>
    value.kind === 'error'
      ? { id: value.id, error: value.message }
      : { id: value.id, reply: writeAnswer(value.answer) },
  (message, fields): Reply => {
    const id = fields.text('id', message.id);
    if (message.error !== '') return { id, kind: 'error', message: message.error };
    return { id, kind: 'answer', answer: readAnswer(message.reply.value, fields) };
  },
);

const writeAnswer = ({ workloads, total, hasNext }: Answer) => ({
  case: 'workloads' as const,
  value: { workloads: workloads.map(writeSummary), total, hasNext },
});

function readAnswer(value: WorkloadsReply | undefined, fields: Fields): Answer {
  if (value === undefined) fields.refuse('reply', 'is missing');
  return {
    kind: 'workloads',
    workloads: (value?.workloads ?? []).map((summary, i) => readSummary(`workloads[${i}]`, summary, fields)),
    total: value?.total ?? 0,
    hasNext: value?.hasNext ?? false,
  };
}

const writeSummary = ({ addresses, services, policies, ...rest }: WorkloadSummary) => ({
  ...rest,
  addresses: [...addresses],
  services: [...services],
  policies: [...policies],
});

const readSummary = (at: string, summary: WireSummary, fields: Fields): WorkloadSummary => ({
  uid: fields.text(`${at}.uid`, summary.uid),
  name: summary.name,
  namespace: summary.namespace,
  node: summary.node,
  serviceAccount: summary.serviceAccount,
  spiffeId: summary.spiffeId,
  addresses: summary.addresses,
  mode: fields.word(`${at}.mode`, summary.mode, ['AMBIENT', 'SIDECAR', 'NONE', 'GATEWAY']),
  ready: summary.ready,
  services: summary.services,
  policies: summary.policies,
  deniesByDefault: summary.deniesByDefault,
});
