import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import { watched } from '@isthmus/cluster-agent/source/kubernetes/watched.ts';
import { parseAllDocuments } from 'yaml';
import { until } from '../fakes/agent.ts';

/** Where the definitions of foreign kinds are, in modules of Go. The second version is for a Go that is older than the first asks for. */
const modules = [
  { path: 'istio.io/api', versions: ['latest'], files: 'kubernetes/customresourcedefinitions.gen.yaml' },
  { path: 'sigs.k8s.io/gateway-api', versions: ['latest', 'v1.3.0'], files: 'config/crd/standard/*.yaml' },
  { path: 'sigs.k8s.io/mcs-api', versions: ['latest'], files: 'config/crd/*.yaml' },
];

export const definitions: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  isNamespaced: false,
};

export interface Definition {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: { readonly plural: string };
    readonly versions: readonly object[];
  };
}

/** The definitions of the foreign kinds that agents watch, fetched with Go; or why they cannot be. They are never committed. */
export function foreignDefinitions(): readonly Definition[] | string {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-go-'));
  try {
    const folders = modules.map(({ path, versions, files }) => ({
      path,
      files,
      at: folderOf(path, versions, folder),
    }));
    const missing = folders.filter(({ at }) => at === undefined).map(({ path }) => path);
    if (missing.length > 0)
      return `Go does not get ${missing.join(' and ')}: install Go, and set GOPROXY to a module proxy that it reaches`;
    return folders
      .flatMap(({ at = '', files }) => globSync(join(at, files)).flatMap(definitionsIn))
      .filter(isWatched);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function folderOf(path: string, versions: readonly string[], cwd: string): string | undefined {
  for (const version of versions) {
    const { stdout } = spawnSync('go', ['mod', 'download', '-json', `${path}@${version}`], {
      cwd,
      encoding: 'utf8',
      timeout: 60_000,
    });
    const { Dir: folder } = parsed(stdout);
    if (folder !== undefined) return folder;
  }
  return undefined;
}

function parsed(text: string | null): { readonly Dir?: string } {
  try {
    return JSON.parse(text ?? '') as { Dir?: string };
  } catch {
    return {};
  }
}

const definitionsIn = (file: string): readonly Definition[] =>
  parseAllDocuments(readFileSync(file, 'utf8'))
    .map((document) => document.toJS() as Definition | null)
    .filter((one) => one !== null)
    .filter(({ kind }) => kind === 'CustomResourceDefinition');

const isWatched = ({ spec: { group, names } }: Definition): boolean =>
  watched.some(({ resource }) => resource.group === group && resource.plural === names.plural);

/** Installs them, and resolves once each kind can be listed. */
export async function install(server: ApiServer, all: readonly Definition[]): Promise<void> {
  for (const one of all) await server.create(definitions, '', one);
  for (const { spec } of all) {
    const found = watched.find(({ resource }) => resource.plural === spec.names.plural)?.resource;
    if (found) await served(server, found);
  }
}

/** Resolves once the kind can be listed, in whichever version. */
async function served(server: ApiServer, resource: Resource): Promise<void> {
  const versions = watched.find((one) => one.resource.plural === resource.plural)?.olderVersions ?? [];
  const isServed = (version: string) =>
    server.list({ ...resource, version }, { limit: '1' }).then(
      () => true,
      () => false,
    );
  await until(async () => {
    for (const version of [resource.version, ...versions]) if (await isServed(version)) return true;
    return false;
  });
}
