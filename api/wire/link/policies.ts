import type {
  PoliciesAnswer,
  PoliciesQuestion,
  PolicySummary,
  PolicyVerdict,
} from '../../domain/question.ts';
import type {
  PoliciesQuestion as WireQuestion,
  PoliciesReply,
  PolicySummary as WireSummary,
  PolicyVerdict as WireVerdict,
} from '../../gen/isthmus/link_pb.js';
import { sortedRecord } from '../binary.ts';
import type { Fields } from '../fields.ts';

export const readPoliciesAsk = ({ namespace, first, after }: WireQuestion): PoliciesQuestion => ({
  kind: 'policies',
  namespace,
  first,
  after,
});

export const writePolicies = ({ policies, total, hasNext }: PoliciesAnswer) => ({
  policies: policies.map(({ selector, accepted, enforced, ...rest }) => ({
    ...rest,
    selector: sortedRecord(Object.entries(selector)),
    accepted: { ...accepted },
    enforced: { ...enforced },
  })),
  total,
  hasNext,
});

export const readPolicies = (
  { policies, total, hasNext }: PoliciesReply,
  fields: Fields,
): PoliciesAnswer => ({
  kind: 'policies',
  policies: policies.map((one, i) => readSummary(`policies[${i}]`, one, fields)),
  total,
  hasNext,
});

const readSummary = (at: string, summary: WireSummary, fields: Fields): PolicySummary => ({
  kind: fields.word(`${at}.kind`, summary.kind, ['AuthorizationPolicy', 'PeerAuthentication']),
  namespace: summary.namespace,
  name: fields.text(`${at}.name`, summary.name),
  action: summary.action,
  selector: { ...summary.selector },
  accepted: readVerdict(`${at}.accepted`, summary.accepted, fields),
  enforced: readVerdict(`${at}.enforced`, summary.enforced, fields),
});

const readVerdict = (at: string, verdict: WireVerdict | undefined, fields: Fields): PolicyVerdict => ({
  status: fields.word(`${at}.status`, verdict?.status ?? '', ['True', 'False', 'Unknown']),
  reason: fields.text(`${at}.reason`, verdict?.reason ?? ''),
  message: fields.sentence(verdict?.message ?? ''),
});
