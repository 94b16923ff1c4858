import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { withHelm, type Rendered } from './helm.ts';
import { variants } from './variants.ts';

const root = join(import.meta.dirname, '../..');

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly securityContext: Readonly<Record<string, unknown>>;
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly securityContext: Readonly<Record<string, unknown>>;
}

const podsOf = (objects: readonly Rendered[]): readonly PodSpec[] =>
  objects.flatMap(({ spec }) => {
    const { template } = (spec ?? {}) as { readonly template?: { readonly spec: PodSpec } };
    return template === undefined ? [] : [template.spec];
  });

/** The program of the image's role, as image/entry.js has it. */
const mains: Readonly<Record<string, string>> = {
  hub: 'federation/main.ts',
  agent: 'cluster-agent/main.ts',
  uninstall: 'cluster-agent/uninstall.ts',
};

const flagsByRole = new Map<string, ReadonlySet<string>>();

function flagsOf(role: string): ReadonlySet<string> {
  const known = flagsByRole.get(role);
  if (known) return known;
  const help = execFileSync(process.execPath, [join(root, mains[role] ?? role), '--help'], {
    encoding: 'utf8',
  });
  const flags = new Set([...help.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag = '']) => flag));
  flagsByRole.set(role, flags);
  return flags;
}

withHelm('charts', (helm) => {
  for (const [chart, ofChart] of Object.entries(variants))
    describe(`the chart ${chart}`, () => {
      for (const [name, values] of Object.entries(ofChart))
        it(`renders ${name} as its golden file has it, without a complaint of helm lint`, () => {
          match(helm.lint(chart, values), /0 chart\(s\) failed/);
          const file = join(root, 'test/golden/charts', chart, `${name}.yaml`);
          const found = helm.template(chart, values);
          if (process.env['UPDATE_GOLDEN'] === '1') {
            mkdirSync(dirname(file), { recursive: true });
            writeFileSync(file, found);
          }
          ok(existsSync(file), `${file} is missing: UPDATE_GOLDEN=1 writes it`);
          equal(found, readFileSync(file, 'utf8'));
        });

      it('gives programs only flags that they have', () => {
        for (const values of Object.values(ofChart))
          for (const { containers } of podsOf(helm.objects(chart, values)))
            for (const { args } of containers) {
              const [role = '', ...flags] = args;
              const known = flagsOf(role);
              for (const flag of flags) ok(known.has(flag.split('=')[0] ?? ''), `${role} has no ${flag}`);
            }
      });

      it('has pods that the restricted Pod Security Standard admits, in each profile', () => {
        for (const profile of chart === 'isthmus-crds' ? [] : ['default', 'gke', 'eks', 'aks', 'openshift'])
          for (const { containers, securityContext } of podsOf(
            helm.objects(chart, { ...ofChart['default'], profile }),
          )) {
            equal(securityContext['runAsNonRoot'], true);
            deepEqual(securityContext['seccompProfile'], { type: 'RuntimeDefault' });
            equal(securityContext['runAsUser'], profile === 'openshift' ? undefined : 65_532);
            for (const container of containers) {
              equal(container.securityContext['allowPrivilegeEscalation'], false);
              equal(container.securityContext['readOnlyRootFilesystem'], true);
              deepEqual(container.securityContext['capabilities'], { drop: ['ALL'] });
            }
          }
      });

      it('names the namespace of each object that has one', () => {
        for (const { kind, metadata } of helm.objects(chart, ofChart['default'] ?? {}))
          if (!kind.startsWith('Cluster') && kind !== 'CustomResourceDefinition')
            equal(metadata.namespace, 'isthmus-system', `${kind} ${metadata.name}`);
      });
    });
});
