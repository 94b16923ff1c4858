import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Cluster } from './cluster.ts';

/** A test of the conformance suite of sigs.k8s.io/mcs-api. */
export interface Spec {
  readonly name: string;
  readonly state: string;
  /** Why it failed; '' otherwise. */
  readonly why: string;
}

/** Why the suite cannot run; undefined: `program` is there. */
export function whyNoSuite(program: string | undefined): string | undefined {
  if (program === undefined) return 'MCS_CONFORMANCE names no test binary (CONTRIBUTING.md)';
  return existsSync(program) ? undefined : `there is no ${program}, which MCS_CONFORMANCE names`;
}

/** What Ginkgo writes (`--ginkgo.json-report`), as far as it is read. */
type Reports = readonly {
  readonly SpecReports: readonly {
    readonly ContainerHierarchyTexts: readonly string[] | null;
    /** `It`, or of what is around tests, such as `BeforeSuite`. */
    readonly LeafNodeType: string;
    readonly LeafNodeText: string;
    readonly State: string;
    readonly Failure?: { readonly Message: string };
  }[];
}[];

/**
 * Runs the tests that `labels` selects, in the first cluster as the one that exports, and gives what became of each that was
 * selected. `folder`: where it writes, also reports of its own. Rejects when it says nothing.
 */
export async function runSuite(
  program: string,
  labels: string,
  clusters: readonly Cluster[],
  folder: string,
): Promise<readonly Spec[]> {
  const [config, report] = [join(folder, 'mcs.kubeconfig'), join(folder, 'mcs.json')];
  writeFileSync(config, JSON.stringify(await merged(clusters)), { mode: 0o600 });
  const output = await run(program, folder, [
    `--kubeconfig=${config}`,
    `--contexts=${clusters.map(({ name }) => name).join(',')}`,
    `--ginkgo.label-filter=${labels}`,
    `--ginkgo.json-report=${report}`,
    '--ginkgo.no-color',
  ]);
  if (!existsSync(report)) throw new Error(`the suite wrote no report: ${output.slice(-2000)}`);
  return (JSON.parse(readFileSync(report, 'utf8')) as Reports)
    .flatMap(({ SpecReports }) => SpecReports)
    .filter(({ LeafNodeType, State }) => (LeafNodeType === 'It' ? State !== 'skipped' : State === 'failed'))
    .map((one) => ({
      name: [...(one.ContainerHierarchyTexts ?? []), one.LeafNodeText || one.LeafNodeType]
        .filter((text) => text !== '')
        .join(' '),
      state: one.State,
      why: one.Failure?.Message ?? '',
    }));
}

/** Its status says only that a test has failed, which the report says of each. */
function run(program: string, cwd: string, words: readonly string[]): Promise<string> {
  return new Promise((done) => {
    execFile(resolve(program), words, { cwd, maxBuffer: 64 << 20 }, (_error, out, errors) =>
      done(`${out}${errors}`),
    );
  });
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: object }[];
  readonly users: readonly { readonly user: object }[];
}

/** One kubeconfig with a context for each cluster, of its name. */
async function merged(clusters: readonly Cluster[]): Promise<object> {
  const all = await Promise.all(
    clusters.map(async (cluster) => {
      const words = ['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'];
      const {
        clusters: [its],
        users: [user],
      } = JSON.parse(await cluster.kubectl(words)) as Kubeconfig;
      return { name: cluster.name, cluster: its?.cluster, user: user?.user };
    }),
  );
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: all.map(({ name, cluster }) => ({ name, cluster })),
    users: all.map(({ name, user }) => ({ name, user })),
    contexts: all.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
    'current-context': all[0]?.name ?? '',
  };
}
