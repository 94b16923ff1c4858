import { parseAllDocuments, type Document } from 'yaml';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import { mutation } from './change.ts';

/** A document of isthmus.io/v1alpha1 as the mutation that stores it. */
export interface PolicyDocument {
  /** `AccessPolicy deny-cart`, for messages; unique in its file. */
  readonly label: string;
  readonly query: string;
  readonly input: object;
}

type Fields = Readonly<Record<string, unknown>>;

interface Parts {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly spec: Fields;
}

interface Kind {
  /** What the spec may say; the fields within are checked by the hub. */
  readonly spec: readonly string[];
  readonly metadata: readonly string[];
  label(parts: Parts): string;
  readonly query: string;
  input(parts: Parts): object;
}

const accessPolicy: Kind = {
  spec: ['effect', 'target', 'rules'],
  metadata: ['name'],
  label: ({ name }) => `AccessPolicy ${name}`,
  query: mutation('applyPolicy', 'ApplyPolicyInput', 'policy { name revision }'),
  input: ({ name, spec }) => ({
    policy: { access: { ...spec, name, target: withLabelPairs(spec['target']) } },
  }),
};

const trafficPolicy: Kind = {
  spec: ['localityOrder', 'regionFailover'],
  metadata: ['name', 'namespace'],
  label: ({ name, namespace = 'default' }) => `TrafficPolicy ${namespace}/${name}`,
  query: mutation('setTrafficPolicy', 'SetTrafficPolicyInput', 'service { trafficPolicy { revision } }'),
  input: ({ name, namespace = 'default', spec }) => ({ ...spec, service: { namespace, name } }),
};

const kinds: ReadonlyMap<unknown, Kind> = new Map([
  ['AccessPolicy', accessPolicy],
  ['TrafficPolicy', trafficPolicy],
]);

/** YAML has labels as a map, the API as pairs. */
function withLabelPairs(target: unknown): unknown {
  if (!isFields(target) || !isFields(target['labels'])) return target;
  return { ...target, labels: Object.entries(target['labels']).map(([key, value]) => ({ key, value })) };
}

/** Each document of a file, empty ones left out. The error names the document, counted from 1, and the field. */
export function readPolicies(text: string): Result<readonly PolicyDocument[], string> {
  const documents: PolicyDocument[] = [];
  for (const [index, document] of parseAllDocuments(text).entries()) {
    const object = plainOf(document);
    if (object.ok && object.value === undefined) continue;
    const read = object.ok ? readPolicy(object.value) : object;
    if (!read.ok) return err(`document ${index + 1}: ${read.error}`);
    if (documents.some(({ label }) => label === read.value.label))
      return err(`document ${index + 1}: ${read.value.label} stands twice in the file`);
    documents.push(read.value);
  }
  return documents.length > 0 ? ok(documents) : err('there is no policy in it');
}

/** What a document says; undefined when that is nothing. */
function plainOf(document: Document.Parsed): Result<unknown, string> {
  const [problem] = document.errors;
  if (problem) return err(problem.message);
  try {
    return ok(document.toJS() ?? undefined);
  } catch (error) {
    // An alias of nothing, or too many of them.
    return err(error instanceof Error ? error.message : String(error));
  }
}

function readPolicy(object: unknown): Result<PolicyDocument, string> {
  if (!isFields(object)) return err('a policy is a map with apiVersion, kind, metadata and spec');
  const { apiVersion, kind: kindName, metadata, spec } = object;
  if (apiVersion !== 'isthmus.io/v1alpha1')
    return err(`apiVersion is isthmus.io/v1alpha1, not ${JSON.stringify(apiVersion)}`);
  const kind = kinds.get(kindName);
  if (!kind) return err(`kind is ${[...kinds.keys()].join(' or ')}, not ${JSON.stringify(kindName)}`);
  if (!isFields(metadata)) return err('metadata is a map with a name');
  if (!isFields(spec)) return err('spec is a map');
  const unknown =
    stray('', object, ['apiVersion', 'kind', 'metadata', 'spec']) ??
    stray('metadata.', metadata, kind.metadata) ??
    stray('spec.', spec, kind.spec);
  if (unknown !== undefined) return err(unknown);
  const { name, namespace } = metadata;
  if (typeof name !== 'string' || name === '') return err('metadata.name is missing');
  if (namespace !== undefined && typeof namespace !== 'string') return err('metadata.namespace is a text');
  const parts = { name, namespace, spec };
  return ok({ label: kind.label(parts), query: kind.query, input: kind.input(parts) });
}

function stray(path: string, object: Fields, known: readonly string[]): string | undefined {
  const unknown = Object.keys(object).find((field) => !known.includes(field));
  return unknown === undefined
    ? undefined
    : `${path}${unknown} is unknown here; ${path === '' ? 'a policy' : path.slice(0, -1)} has ${known.join(', ')}`;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
