import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';

export interface SamplePod {
  readonly namespace: string;
  readonly name: string;
  readonly app: string;
  readonly sidecar: boolean;
}

/** One cluster of the sandbox: its manifests, with this instance's addresses filled in, and what runs in it. */
export interface SampleCluster {
  readonly name: string;
  readonly network: string;
  /** `127.<octet>.<third>.0/20`, for the agent to allocate from. */
  readonly block: string;
  /** The agent's own address; its xDS listener is on port 15012. */
  readonly agentAddress: string;
  readonly manifests: string;
  readonly pods: readonly SamplePod[];
}

const thirdOctet: Readonly<Record<string, number>> = { east: 16, west: 32, south: 48 };

/**
 * The sandbox's clusters. Their manifests are written below `stateDir` with `127.N` replaced, unless an earlier run has
 * done so: what people have changed there since stays. `onProblem` is called with a sentence for each thing that cannot be started.
 */
export function prepareClusters(
  stateDir: string,
  octet: number,
  onProblem: (problem: string) => void = () => undefined,
): readonly SampleCluster[] {
  const folder = join(import.meta.dirname, '../clusters');
  const order = Object.keys(thirdOctet);
  return readdirSync(folder)
    .map((file) => ({ name: basename(file, '.yaml'), text: readFileSync(join(folder, file), 'utf8') }))
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
    .map(({ name, text }) => {
      const manifests = join(stateDir, name, 'manifests');
      if (!existsSync(manifests)) writeManifests(manifests, name, text.replaceAll('127.N.', `127.${octet}.`));
      return clusterOf(name, manifests, octet, onProblem);
    });
}

/** The folder appears with all that is in it, so that a crash leaves none that looks as if it had been edited. */
function writeManifests(manifests: string, name: string, text: string): void {
  const next = `${manifests}.new`;
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next, { recursive: true, mode: 0o700 });
  writeWhole(join(next, `${name}.yaml`), text);
  renameSync(next, manifests);
}

function clusterOf(
  name: string,
  manifests: string,
  octet: number,
  onProblem: (problem: string) => void,
): SampleCluster {
  const third = thirdOctet[name] ?? 0;
  return {
    name,
    network: `network-${name}`,
    block: `127.${octet}.${third}.0/20`,
    agentAddress: `127.${octet}.${third}.1`,
    manifests,
    pods: podsIn(objectsOf(manifests, onProblem)).filter((pod) => isKnown(name, pod, onProblem)),
  };
}

/** Every object of the folder that can be read; the agent says of each of the others what is wrong with it. */
function objectsOf(manifests: string, onProblem: (problem: string) => void): readonly Manifest[] {
  return readdirSync(manifests)
    .filter((file) => /\.ya?ml$/i.test(file))
    .sort()
    .flatMap((file) => {
      const path = join(manifests, file);
      try {
        return parseAllDocuments(readText(path)).map((document) => document.toJS() as unknown);
      } catch (error) {
        onProblem(
          `pods of ${path} are not started: ${error instanceof Error ? error.message : String(error)}`,
        );
        return [];
      }
    })
    .filter(isManifest);
}

/** A pod of an application that the sandbox does not have is an object of the mesh, and no process. */
function isKnown(
  cluster: string,
  { namespace, name, app }: SamplePod,
  onProblem: (problem: string) => void,
): boolean {
  if (['ztunnel', 'eastwest-gateway'].includes(app)) return true;
  if (/^[a-z-]+$/.test(app) && existsSync(join(import.meta.dirname, '../shop', `${app}.ts`))) return true;
  onProblem(`${cluster}: pod ${namespace}/${name} is not started: the sandbox has no application '${app}'`);
  return false;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, unknown>> | null;
  };
}

const isManifest = (value: unknown): value is Manifest => {
  const { kind, metadata } = (value ?? {}) as { kind?: unknown; metadata?: { name?: unknown } | null };
  return typeof kind === 'string' && typeof metadata?.name === 'string';
};

/** The agent is the one that checks them. */
function podsIn(objects: readonly Manifest[]): readonly SamplePod[] {
  const injected = new Set(
    objects
      .filter(
        ({ kind, metadata }) => kind === 'Namespace' && metadata.labels?.['istio-injection'] === 'enabled',
      )
      .map(({ metadata }) => metadata.name),
  );
  return objects
    .filter(({ kind }) => kind === 'Pod')
    .map(({ metadata: { name, namespace = 'default', labels } }) => ({
      namespace,
      name,
      app: typeof labels?.['app'] === 'string' ? labels['app'] : name,
      sidecar: injected.has(namespace) || labels?.['sidecar.istio.io/inject'] === 'true',
    }));
}
