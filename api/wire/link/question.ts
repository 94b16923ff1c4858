import { severities } from '../../domain/condition.ts';
import type {
  Answer,
  Ask,
  Question,
  RejectionsAnswer,
  RejectionsQuestion,
  Reply,
  WorkloadHealth,
  WorkloadSummary,
  WorkloadsAnswer,
  WorkloadsQuestion,
} from '../../domain/question.ts';
import {
  QuestionSchema,
  ReplySchema,
  type Question as WireQuestion,
  type RejectionsQuestion as WireRejectionsQuestion,
  type RejectionsReply,
  type Reply as WireReply,
  type WorkloadHealth as WireHealth,
  type WorkloadSummary as WireSummary,
  type WorkloadsQuestion as WireWorkloadsQuestion,
  type WorkloadsReply,
} from '../../gen/isthmus/link_pb.js';
import { codec, sortedRecord, type Codec } from '../binary.ts';
import type { Fields } from '../fields.ts';
import { readPolicies, readPoliciesAsk, writePolicies } from './policies.ts';
import { readProxies, readProxiesAsk, writeProxies } from './proxies.ts';
import { copies, readRejection } from './shapes.ts';

/** Hub to agent. */
export const question: Codec<Question> = codec(
  QuestionSchema,
  ({ id, deadlineMillis, ask }) => ({ id, deadlineMillis, question: writeAsk(ask) }),
  (message, fields): Question => ({
    id: fields.text('id', message.id),
    deadlineMillis: message.deadlineMillis,
    ask: readAsk(message.question, fields),
  }),
);

function writeAsk(ask: Ask) {
  switch (ask.kind) {
    case 'workloads': {
      const { namespace, labels, first, after } = ask;
      const value = { namespace, first, after, labels: sortedRecord(Object.entries(labels)) };
      return { case: 'workloads' as const, value };
    }
    case 'rejections': {
      const { severity, first, after } = ask;
      return { case: 'rejections' as const, value: { severity, first, after } };
    }
    case 'proxies': {
      const { first, after } = ask;
      return { case: 'proxies' as const, value: { first, after } };
    }
    case 'policies': {
      const { namespace, first, after } = ask;
      return { case: 'policies' as const, value: { namespace, first, after } };
    }
  }
}

function readAsk(asked: WireQuestion['question'], fields: Fields): Ask {
  if (asked.case === undefined)
    fields.refuse('question', 'is missing, or of a kind that this agent does not know');
  if (asked.case === 'proxies') return readProxiesAsk(asked.value);
  if (asked.case === 'policies') return readPoliciesAsk(asked.value);
  return asked.case === 'rejections' ? rejectionsAsk(asked.value, fields) : workloadsAsk(asked.value);
}

const workloadsAsk = (value: WireWorkloadsQuestion | undefined): WorkloadsQuestion => ({
  kind: 'workloads',
  namespace: value?.namespace ?? '',
  labels: { ...value?.labels },
  first: value?.first ?? 0,
  after: value?.after ?? '',
});

const rejectionsAsk = (value: WireRejectionsQuestion, fields: Fields): RejectionsQuestion => ({
  kind: 'rejections',
  severity: value.severity === '' ? '' : fields.word('rejections.severity', value.severity, severities),
  first: value.first,
  after: value.after,
});

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
    return { id, kind: 'answer', answer: readAnswer(message.reply, fields) };
  },
);

function writeAnswer(answer: Answer) {
  switch (answer.kind) {
    case 'workloads': {
      const { workloads, total, hasNext } = answer;
      return {
        case: 'workloads' as const,
        value: { workloads: workloads.map(writeSummary), total, hasNext },
      };
    }
    case 'rejections': {
      const { rejections, total, hasNext } = answer;
      return { case: 'rejections' as const, value: { rejections: copies(rejections), total, hasNext } };
    }
    case 'proxies':
      return { case: 'proxies' as const, value: writeProxies(answer) };
    case 'policies':
      return { case: 'policies' as const, value: writePolicies(answer) };
  }
}

function readAnswer(answered: WireReply['reply'], fields: Fields): Answer {
  if (answered.case === undefined) fields.refuse('reply', 'is missing');
  if (answered.case === 'proxies') return readProxies(answered.value, fields);
  if (answered.case === 'policies') return readPolicies(answered.value, fields);
  return answered.case === 'rejections'
    ? rejectionsAnswer(answered.value, fields)
    : workloadsAnswer(answered.value, fields);
}

const workloadsAnswer = (value: WorkloadsReply | undefined, fields: Fields): WorkloadsAnswer => ({
  kind: 'workloads',
  workloads: (value?.workloads ?? []).map((summary, i) => readSummary(`workloads[${i}]`, summary, fields)),
  total: value?.total ?? 0,
  hasNext: value?.hasNext ?? false,
});

const rejectionsAnswer = (value: RejectionsReply, fields: Fields): RejectionsAnswer => ({
  kind: 'rejections',
  rejections: value.rejections.map((one, i) => readRejection(`rejections[${i}]`, one, fields)),
  total: value.total,
  hasNext: value.hasNext,
});

const writeSummary = ({ addresses, services, policies, health, ...rest }: WorkloadSummary) => ({
  ...rest,
  ...(health && { health: { ...health } }),
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
  health: summary.health && readHealth(summary.health, fields),
});

const readHealth = (
  { healthy, reason, message, remedy, stale }: WireHealth,
  fields: Fields,
): WorkloadHealth => ({
  healthy,
  reason: fields.tokenOrNone('health.reason', reason),
  message: fields.sentence(message),
  remedy: fields.sentence(remedy),
  stale,
});
