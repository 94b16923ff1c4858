import type { z } from 'zod';
import {
  operationFieldNames,
  sourceFieldNames,
  unreadRule,
  type Demand,
  type OperationField,
  type PolicyCondition,
  type PolicyRule,
  type SourceField,
} from './policy-rule.ts';
import { condition, operationFields, sourceFields } from './policy-schemas.ts';

/** A source or an operation. */
interface Alternative {
  readonly fields: Readonly<Partial<Record<SourceField | OperationField, Demand>>>;
  readonly unread: readonly string[];
}

interface Clause {
  readonly inner: 'source' | 'operation';
  readonly schemas: Readonly<Record<string, z.ZodType>>;
  readonly names: Readonly<Record<string, string>>;
}

const ofSources: Clause = { inner: 'source', schemas: sourceFields, names: sourceFieldNames };
const ofOperations: Clause = { inner: 'operation', schemas: operationFields, names: operationFieldNames };

/**
 * Reads a rule of an AuthorizationPolicy. It takes any value, so that of a rule that is refused is known what it matches
 * at most: what cannot be read is named in `unread` at its place.
 */
export function readRule(raw: unknown): PolicyRule {
  if (!isRecord(raw)) return unreadRule('the rule');
  const { from, to, when, ...others } = raw;
  const unread = Object.keys(others).filter((field) => others[field] !== undefined);
  const sources = readAlternatives('from', from, ofSources);
  const operations = readAlternatives('to', to, ofOperations);
  const conditions = when === undefined ? [] : Array.isArray(when) ? when.map(readCondition) : 'UNREAD';
  if (sources === 'UNREAD') unread.push('from');
  if (operations === 'UNREAD') unread.push('to');
  if (conditions === 'UNREAD') unread.push('when');
  return {
    from: sources === 'UNREAD' ? undefined : sources,
    to: operations === 'UNREAD' ? undefined : operations,
    when: conditions === 'UNREAD' ? [] : conditions,
    unread,
  };
}

/** Undefined: any, as nothing is written. */
function readAlternatives(
  field: string,
  written: unknown,
  { inner, schemas, names }: Clause,
): readonly Alternative[] | 'UNREAD' | undefined {
  if (written === undefined) return undefined;
  if (!Array.isArray(written) || written.length === 0) return 'UNREAD';
  return written.map((one: unknown): Alternative => {
    if (!isRecord(one) || Object.keys(one).some((key) => key !== inner))
      return { fields: {}, unread: [field] };
    const alternative = readFields(one[inner], schemas, names);
    // Where nothing is said at all, nobody knows what was meant.
    return isEmpty(alternative) ? { fields: {}, unread: [inner] } : alternative;
  });
}

/** Each field by itself; an empty list says nothing. */
function readFields(raw: unknown, schemas: Clause['schemas'], names: Clause['names']): Alternative {
  const read = new Map<string, readonly string[]>();
  const unread: string[] = [];
  for (const [field, value] of Object.entries(isRecord(raw) ? raw : {})) {
    const parsed = Object.hasOwn(schemas, field) ? schemas[field]?.safeParse(value) : undefined;
    if (!parsed?.success) unread.push(field);
    else if (Array.isArray(parsed.data) && parsed.data.length > 0)
      read.set(field, parsed.data as readonly string[]);
  }
  const fields: Record<string, Demand> = {};
  for (const [field, negated] of Object.entries(names)) {
    const values = read.get(field) ?? [];
    const notValues = read.get(negated) ?? [];
    if (values.length + notValues.length > 0) fields[field] = { values, notValues };
  }
  return { fields, unread };
}

const isEmpty = ({ fields, unread }: Alternative): boolean =>
  Object.keys(fields).length + unread.length === 0;

function readCondition(raw: unknown): PolicyCondition {
  const parsed = condition.safeParse(raw);
  if (!parsed.success) return { key: '', values: [], notValues: [], unread: ['when'] };
  const { key, values = [], notValues = [] } = parsed.data;
  return { key, values, notValues, unread: [] };
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
