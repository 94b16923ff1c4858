import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
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

/** Writes each cluster's manifests below `stateDir` with `127.N` replaced, and reads what pods they declare. */
export function prepareClusters(stateDir: string, octet: number): readonly SampleCluster[] {
  const folder = join(import.meta.dirname, '../clusters');
  const order = Object.keys(thirdOctet);
  return readdirSync(folder)
    .map((file) => ({ name: basename(file, '.yaml'), text: readFileSync(join(folder, file), 'utf8') }))
    .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
    .map(({ name, text }) => prepare(name, text.replaceAll('127.N.', `127.${octet}.`), stateDir, octet));
}

function prepare(name: string, text: string, stateDir: string, octet: number): SampleCluster {
  const manifests = join(stateDir, name, 'manifests');
  mkdirSync(manifests, { recursive: true, mode: 0o700 });
  writeWhole(join(manifests, `${name}.yaml`), text);
  const third = thirdOctet[name] ?? 0;
  return {
    name,
    network: `network-${name}`,
    block: `127.${octet}.${third}.0/20`,
    agentAddress: `127.${octet}.${third}.1`,
    manifests,
    pods: podsIn(text),
  };
}

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
}

/** Our own manifests, so their shape is known; the agent is the one that checks foreign ones. */
function podsIn(text: string): readonly SamplePod[] {
  const objects = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
  const injected = new Set(
    objects
      .filter(
        ({ kind, metadata }) => kind === 'Namespace' && metadata.labels?.['istio-injection'] === 'enabled',
      )
      .map(({ metadata }) => metadata.name),
  );
  return objects
    .filter(({ kind }) => kind === 'Pod')
    .map(({ metadata: { name, namespace = 'default', labels = {} } }) => ({
      namespace,
      name,
      app: labels['app'] ?? name,
      sidecar: injected.has(namespace) || labels['sidecar.istio.io/inject'] === 'true',
    }));
}
