import {
  getOperationAST,
  Kind,
  OperationTypeNode,
  parse,
  valueFromASTUntyped,
  type DocumentNode,
  type ExecutionResult,
  type FieldNode,
  type GraphQLError,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import { createHash } from 'node:crypto';
import type { Attempts, Malformed } from '../command/attempts.ts';
import type { RecordedError } from '../store/audit.ts';
import { hasSecret } from '../command/redact.ts';

/** As many tokens as the API's own limit lets through: a document with more was refused as well. */
const maxTokens = 2000;

/** Most levels of variables that are kept: more than any input of the schema has. */
const maxLevels = 20;

/** Most entries that one request can cause. */
const maxFields = 20;

/** Records in the audit log the mutations that GraphQL itself refuses: they reach no command that would do it. */
export function recordMalformed(
  schema: GraphQLSchema,
  attempts: Pick<Attempts, 'refuseMalformed'>,
): Plugin<object, { viewer: string }> {
  const asked = new WeakMap<Request, GraphQLParams>();
  return {
    onParams({ request, params }) {
      asked.set(request, params);
    },
    onResultProcess({ request, result, serverContext }) {
      const params = asked.get(request);
      if (!params || !('errors' in result)) return;
      for (const one of malformedMutations(schema, params, result))
        attempts.refuseMalformed({ actor: serverContext.viewer, ...one });
    },
  };
}

/**
 * The mutations of a request that GraphQL refused: all of its operation when nothing was executed, otherwise those whose
 * arguments did not fit. What a resolver refused has a code of its own and is not among them.
 */
export function malformedMutations(
  schema: GraphQLSchema,
  { query, operationName, variables: given }: GraphQLParams,
  { data, errors = [] }: ExecutionResult,
): readonly Omit<Malformed, 'actor'>[] {
  if (typeof query !== 'string') return [];
  const document = parsed(query);
  if (!document) return /\bmutation\b/.test(query) ? [unreadable(query, errors)] : [];
  const fields = mutationsOf(document, operationName).flatMap((one) => fieldsOf(one.selectionSet, document));
  const variables = cut(given ?? {}, maxLevels) as Record<string, unknown>;
  const executed = data !== undefined;
  const known = schema.getMutationType()?.getFields() ?? {};
  return fields.slice(0, maxFields).flatMap((field) => {
    const own = executed ? errors.filter((error) => refusedBefore(error, field)) : errors;
    if (own.length === 0) return [];
    const name = field.name.value;
    const input = inputOf(field, variables);
    const reason = (input as { readonly reason?: unknown } | null)?.reason;
    return {
      action: Object.hasOwn(known, name) ? name : 'mutation',
      errors: shown(own, hasSecret(input) || hasSecret(variables)),
      input,
      reason: typeof reason === 'string' ? reason : '',
    };
  });
}

/** JSON nests as deep as 256 KiB let it, which is deeper than a stack. */
function cut(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return `more than ${maxLevels} levels`;
  if (Array.isArray(value)) return value.map((one) => cut(one, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, cut(one, levels - 1)]));
}

function parsed(query: string): DocumentNode | undefined {
  try {
    return parse(query, { maxTokens: maxTokens });
  } catch {
    return undefined;
  }
}

/** Nobody can say which part of such a text is a secret: its hash stands for it, and its messages, which quote it. */
function unreadable(query: string, errors: readonly GraphQLError[]): Omit<Malformed, 'actor'> {
  const [first] = errors;
  const place = first?.locations?.[0];
  const where = place ? ` (line ${place.line}, column ${place.column})` : '';
  const message = `the document is not GraphQL, or has more than ${maxTokens} tokens${where}`;
  const sha256 = createHash('sha256').update(query).digest('hex');
  return {
    action: 'mutation',
    errors: [{ code: codeOf(first, 'GRAPHQL_PARSE_FAILED'), field: [], message }],
    input: { query: { bytes: Buffer.byteLength(query), sha256 } },
    reason: '',
  };
}

/** The operation that was meant; all mutations of the document when none can be determined. */
function mutationsOf(document: DocumentNode, name: string | undefined): readonly OperationDefinitionNode[] {
  const meant = getOperationAST(document, name);
  const operations = meant
    ? [meant]
    : document.definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
  return operations.filter(({ operation }) => operation === OperationTypeNode.MUTATION);
}

/** Fields at the top, those of fragments too, each fragment once. */
function fieldsOf(
  set: SelectionSetNode,
  document: DocumentNode,
  seen = new Set<string>(),
): readonly FieldNode[] {
  return set.selections.flatMap((one) => {
    if (one.kind === Kind.FIELD) return [one];
    if (one.kind === Kind.INLINE_FRAGMENT) return fieldsOf(one.selectionSet, document, seen);
    const name = one.name.value;
    if (seen.has(name)) return [];
    seen.add(name);
    return document.definitions.flatMap((fragment) =>
      fragment.kind === Kind.FRAGMENT_DEFINITION && fragment.name.value === name
        ? fieldsOf(fragment.selectionSet, document, seen)
        : [],
    );
  });
}

/** Its arguments did not fit, so that its resolver was not called. */
const refusedBefore = ({ path, extensions }: GraphQLError, { alias, name }: FieldNode): boolean =>
  path?.length === 1 && path[0] === (alias ?? name).value && extensions['code'] === undefined;

/** As it was sent, whatever the schema says of it. */
function inputOf({ arguments: given = [] }: FieldNode, variables: Record<string, unknown>): unknown {
  const all = Object.fromEntries(
    given.map(({ name, value }) => [name.value, valueFromASTUntyped(value, variables)]),
  );
  return all['input'] ?? all;
}

/** GraphQL's messages quote values, and would show a secret among them. */
const shown = (errors: readonly GraphQLError[], secret: boolean): readonly RecordedError[] =>
  errors.map((error) => ({
    code: codeOf(error, 'GRAPHQL_VALIDATION_FAILED'),
    field: [],
    message: secret ? 'the message is left out: the input has a secret, which it may quote' : error.message,
  }));

const codeOf = (error: GraphQLError | undefined, otherwise: string): string => {
  const code = error?.extensions['code'];
  return typeof code === 'string' ? code : otherwise;
};
