import { deepEqual, equal } from 'node:assert/strict';
import { replicasOf } from '../members.ts';
import { until } from '../measured.ts';
import type { Cluster } from '../cluster.ts';
import type { Step } from '../world.ts';

interface Objects {
  readonly items: readonly {
    readonly kind: string;
    readonly metadata: {
      readonly name: string;
      readonly namespace?: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly managedFields?: readonly { readonly manager: string }[];
    };
  }[];
}

/** Where agents and charts write; the check of an uninstall looks at all objects of these kinds. */
const kinds = [
  ...['serviceaccounts', 'secrets', 'configmaps', 'services', 'deployments', 'statefulsets', 'pods', 'jobs'],
  ...['leases', 'roles', 'rolebindings', 'clusterroles', 'clusterrolebindings', 'networkpolicies'],
  ...['poddisruptionbudgets', 'resourcequotas', 'namespaces'],
];

/** What of ours is in a cluster: by name, by label, or by who wrote a field. */
export async function oursIn(cluster: Cluster): Promise<readonly string[]> {
  const present = (await cluster.kubectl(['api-resources', '--verbs=list', '-o', 'name']))
    .split('\n')
    .filter((name) => /(istio\.io|gateway\.networking\.k8s\.io|multicluster\.x-k8s\.io)$/.test(name));
  const { items } = (await cluster.get(
    '-A',
    [...kinds, ...present].join(','),
    '--show-managed-fields',
  )) as Objects;
  return (
    items
      .filter(
        ({ metadata: { name, labels = {}, managedFields = [] } }) =>
          name.startsWith('isthmus-') ||
          labels['app.kubernetes.io/part-of'] === 'isthmus' ||
          labels['app.kubernetes.io/managed-by'] === 'isthmus-agent' ||
          managedFields.some(({ manager }) => manager === 'isthmus-agent'),
      )
      .map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`)
      // The namespace was made for the releases; Helm does not remove it.
      .filter((one) => one !== 'Namespace /isthmus-system')
      .sort()
  );
}

/** A cluster that leaves, of which nothing stays, and that joins again under its old name. */
export function rejoinStep(step: Step): void {
  it('leaves nothing of ours in a cluster that is uninstalled', async () => {
    const { west, measured } = step();
    const began = performance.now();
    await west.helm('uninstall', 'isthmus', '-n', 'isthmus-system', '--wait', '--timeout', '120s');
    measured.within('rejoin', 'helm uninstall', performance.now() - began, 60_000);
    deepEqual(await oursIn(west), []);
  });

  it('joins again under its old name with a new token', async () => {
    const { west, hub, shell, measured } = step();
    const line = await hub.isthmus('token', 'west', '--helm');
    const began = performance.now();
    shell.export('KUBECONFIG', west.kubeconfig);
    const joined = await shell.run(line.trim());
    equal(joined.status, 0, joined.output);
    await until('west at the hub', 90_000, async () =>
      (await replicasOf(step(), 'west')).length === 2 ? true : undefined,
    );
    measured.within('rejoin', 'a cluster that joins again', performance.now() - began, 60_000);
  });
}
