import type { Value } from './value.ts';

interface Branch {
  readonly leaves: Map<string, Value>;
  readonly branches: Map<string, Branch>;
}

const branch = (): Branch => ({ leaves: new Map(), branches: new Map() });

function treeOf(values: readonly Value[]): Branch {
  const root = branch();
  for (const value of values) {
    const parts = value.path.split('.');
    const last = parts.pop() ?? '';
    let at = root;
    for (const part of parts) {
      const next = at.branches.get(part) ?? branch();
      at.branches.set(part, next);
      at = next;
    }
    if (at.leaves.has(last) || at.branches.has(last))
      throw new Error(`the value ${value.path} is listed twice`);
    at.leaves.set(last, value);
  }
  return root;
}

const generated = 'Generated from charts/values/ by npm run generate:charts.';

/** `values.yaml`: the defaults, each below its explanation. */
export const valuesFile = (values: readonly Value[]): string =>
  `# ${generated}\n${yamlOf(treeOf(values), '')}`;

function yamlOf({ leaves, branches }: Branch, indent: string): string {
  const ofLeaves = [...leaves].map(
    ([name, one]) => `${comment(one.means, indent)}${indent}${name}: ${flow(one.default)}\n`,
  );
  const ofBranches = [...branches].map(([name, one]) => `${indent}${name}:\n${yamlOf(one, `${indent}  `)}`);
  return [...ofLeaves, ...ofBranches].join('');
}

/** JSON, which is YAML, on one line. */
const flow = (value: unknown): string => JSON.stringify(value, undefined, 1).replaceAll(/\n\s*/g, ' ');

function comment(means: string, indent: string): string {
  const lines: string[] = [];
  for (const word of means.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || indent.length + line.length + word.length > 105) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.map((line) => `${indent}# ${line}\n`).join('');
}

/** `values.schema.json`: Helm refuses values that are not listed, such as misspelt ones, and those of another type. */
export function valuesSchema(values: readonly Value[]): string {
  const root = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $comment: generated,
    ...schemaOf(treeOf(values), ['global']),
  };
  return `${JSON.stringify(root, undefined, 2)}\n`;
}

function schemaOf({ leaves, branches }: Branch, others: readonly string[] = []): object {
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries([
      ...[...leaves].map(([name, { schema, means }]) => [name, { ...schema, description: means }] as const),
      ...[...branches].map(([name, one]) => [name, schemaOf(one)] as const),
      ...others.map((name) => [name, { type: 'object' }] as const),
    ]),
  };
}

const begin = '<!-- values -->';
const end = '<!-- end of values -->';

/** A chart's README with its table of values replaced. Throws where the README has no place for it. */
export function withTable(readme: string, values: readonly Value[]): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the README needs the lines ${begin} and ${end}`);
  const rows = values.map(
    ({ path, default: initial, means }) =>
      `| \`${path}\` | \`${JSON.stringify(initial)}\` | ${means.replaceAll('|', '\\|')} |\n`,
  );
  return `${readme.slice(0, from)}${begin}\n| value | default | what it is |\n| --- | --- | --- |\n${rows.join('')}${readme.slice(to)}`;
}
