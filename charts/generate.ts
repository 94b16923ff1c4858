import { existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { stringify } from 'yaml';
import { agentAccess, foreignKinds, uninstallAccess } from '@isthmus/cluster-agent/access.ts';
import { hubAccess } from '@isthmus/federation/access.ts';
import { writeErr, writeOut } from '@isthmus/mesh/process/terminal-text.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { definitionOf } from './definition.ts';
import { rulesTemplate } from './rules.ts';
import { clusterValues } from './values/cluster.ts';
import { crdsValues } from './values/crds.ts';
import { hubValues } from './values/hub.ts';
import { valuesFile, valuesSchema, withTable } from './values/render.ts';
import type { Value } from './values/value.ts';

// npm run generate:charts: writes what of the charts follows from code. --check writes nothing and compares.

const root = join(import.meta.dirname, '..');
const at = (...parts: readonly string[]): string => join(import.meta.dirname, ...parts);
const readme = (chart: string): string => readFileSync(at(chart, 'README.md'), 'utf8');

const ofValues = (chart: string, values: readonly Value[]): readonly [string, string][] => [
  [at(chart, 'values.yaml'), valuesFile(values)],
  [at(chart, 'values.schema.json'), valuesSchema(values)],
  [at(chart, 'README.md'), withTable(readme(chart), values)],
];

/** A chart can only read files of its own folder, so each has a copy of what they share. */
const ofPods = (chart: string): readonly [string, string][] => [
  ...globSync('*.yaml', { cwd: at('profiles') }).map((file): [string, string] => [
    at(chart, 'profiles', file),
    `# Copied from charts/profiles/ by npm run generate:charts.\n${readFileSync(at('profiles', file), 'utf8')}`,
  ]),
  [at(chart, 'templates/_pod.tpl'), readFileSync(at('_pod.tpl'), 'utf8').replaceAll('CHART', chart)],
];

const files = new Map<string, string>([
  ...ofValues('isthmus-crds', crdsValues),
  ...foreignKinds.map((kind): [string, string] => [
    at('isthmus-crds/foreign', `${kind.plural}.${kind.group}.yaml`),
    `# Generated from charts/definition.ts by npm run generate:charts.\n${stringify(definitionOf(kind))}`,
  ]),
  ...ofValues('isthmus-hub', hubValues),
  ...ofPods('isthmus-hub'),
  [at('isthmus-hub', 'templates/_rules.tpl'), rulesTemplate('isthmus-hub', hubAccess)],
  ...ofValues('isthmus-cluster', clusterValues),
  ...ofPods('isthmus-cluster'),
  [
    at('isthmus-cluster', 'templates/_rules.tpl'),
    `${rulesTemplate('isthmus-cluster', agentAccess)}${rulesTemplate('isthmus-cluster.uninstall', uninstallAccess)}`,
  ],
]);

const differing = [...files].filter(
  ([path, content]) => !existsSync(path) || readFileSync(path, 'utf8') !== content,
);
if (process.argv.includes('--check')) {
  for (const [path] of differing)
    writeErr(`${relative(root, path)} is not what the code says: npm run generate:charts\n`);
  process.exitCode = differing.length === 0 ? 0 : 1;
} else
  for (const [path, content] of differing) {
    mkdirSync(dirname(path), { recursive: true });
    writeWhole(path, content);
    writeOut(`${relative(root, path)}\n`);
  }
