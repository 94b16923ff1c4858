import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import { parseAllDocuments } from 'yaml';
import { variants } from '../charts/variants.ts';
import { helmIn } from './helm-in.ts';
import { withApiServer } from './start-api-server.ts';

const kind = (group: string, name: string, plural: string, isNamespaced = true): Resource => ({
  group,
  version: 'v1',
  kind: name,
  plural,
  isNamespaced,
});
const namespaces = kind('', 'Namespace', 'namespaces', false);
const pods = kind('', 'Pod', 'pods');
const priorityClasses = kind('scheduling.k8s.io', 'PriorityClass', 'priorityclasses', false);
const workloads = [kind('apps', 'Deployment', 'deployments'), kind('apps', 'StatefulSet', 'statefulsets')];

interface Workload {
  readonly metadata: { readonly name: string; readonly generation: number };
  readonly spec: {
    readonly template: { readonly spec: { readonly volumes?: readonly object[] } };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

/** As the controllers of Deployments and StatefulSets make it. */
function podOf({ spec: { template, volumeClaimTemplates = [] } }: Workload): object {
  const claims = volumeClaimTemplates.map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: `${name}-0` },
  }));
  return { ...template.spec, volumes: [...(template.spec.volumes ?? []), ...claims] };
}

const programsIn = async (server: ApiServer, namespace: string): Promise<readonly Workload[]> => {
  const found = await Promise.all(workloads.map((of) => server.list({ ...of, namespace }, {})));
  return found.flatMap(({ items }) => items as readonly Workload[]);
};

function jobIn(manifests: string): Workload {
  for (const document of parseAllDocuments(manifests)) {
    const object = document.toJS() as (Workload & { readonly kind: string }) | null;
    if (object?.kind === 'Job') return object;
  }
  throw new Error('the chart has no Job');
}

withApiServer('the charts of programs, by helm in a real API server', (started) => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-charts-'));
  const helm = helmIn(folder, () => started().kubeconfig());
  before(async function () {
    if (helm === undefined) {
      console.warn('      DID NOT RUN: neither HELM_BIN nor KUBEBUILDER_ASSETS has helm');
      this.skip();
    }
    // The class that one of the variants names.
    await started()
      .client()
      .server.create(priorityClasses, '', {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name: 'mesh' },
        value: 1000,
      });
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const chart of ['isthmus-hub', 'isthmus-cluster'])
    for (const [name, values] of Object.entries(variants[chart] ?? {}))
      it(`${chart}, ${name}: the API server takes its objects, and admits its pods as restricted ones`, async () => {
        const { server } = started().client();
        const namespace = `${chart}-${name}`;
        const labels = { ['pod-security.kubernetes.io/enforce']: 'restricted' };
        await server.create(namespaces, '', {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: namespace, labels },
        });
        const words = [chart, `charts/${chart}`, '--namespace', namespace, '--values', '-'];
        // Nobody runs the job of an uninstall here.
        helm?.(['install', ...words], values);
        const [program, ...more] = await programsIn(server, namespace);
        assert.ok(program);
        assert.deepEqual(more, []);
        await server.create(pods, namespace, {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'as-a-controller-makes-it' },
          spec: podOf(program),
        });
        helm?.(['upgrade', ...words], values);
        const [again] = await programsIn(server, namespace);
        assert.equal(again?.metadata.generation, program.metadata.generation, 'a second render changes it');
        helm?.(['uninstall', chart, '--namespace', namespace, '--no-hooks']);
        assert.deepEqual(await programsIn(server, namespace), []);
      });

  it('admits the pod of an uninstall as a restricted one', async () => {
    const { server } = started().client();
    const hooks = helm?.(['template', 'isthmus', 'charts/isthmus-cluster', '--values', '-'], {
      cluster: { name: 'east' },
    });
    const job = jobIn(hooks ?? '');
    const namespace = 'isthmus-cluster-default';
    await server.create(pods, namespace, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'uninstall' },
      spec: podOf(job),
    });
    await assert.rejects(
      server.create(pods, namespace, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'another' },
        spec: { containers: [{ name: 'any', image: 'any' }] },
      }),
      /violates PodSecurity/,
      'the namespace does not enforce the standard',
    );
  });
});
