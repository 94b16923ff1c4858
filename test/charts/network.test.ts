import { deepEqual, equal, ok } from 'node:assert/strict';
import { withHelm, type Rendered } from './helm.ts';
import { variants, type Values } from './variants.ts';

interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly {
      readonly args: readonly string[];
      readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
      readonly [probe: string]: unknown;
    }[];
    readonly topologySpreadConstraints?: readonly {
      readonly labelSelector: { readonly matchLabels: Readonly<Record<string, string>> };
    }[];
  };
}
interface Selecting {
  readonly selector: Readonly<Record<string, string>>;
  readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly ports: readonly { readonly targetPort: string }[];
  readonly ingress: readonly { readonly ports?: readonly { readonly port: string }[] }[];
}

/** The program that listens: a Deployment or a StatefulSet. */
function programIn(objects: readonly Rendered[]): PodTemplate {
  const found = objects.find(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
  ok(found);
  return (found['spec'] as { template: PodTemplate }).template;
}

const specsOf = (objects: readonly Rendered[], of: string): readonly Selecting[] =>
  objects.filter(({ kind }) => kind === of).map(({ spec }) => spec as Selecting);

/** Ports of flags such as `--xds-listen=0.0.0.0:15012`, but those on loopback. */
function listening({ spec }: PodTemplate): readonly number[] {
  const flags = spec.containers.flatMap(({ args }) => args).filter((flag) => /^--[a-z-]*listen=/.test(flag));
  return flags
    .filter((flag) => !flag.includes('=127.0.0.1:'))
    .map((flag) => Number(/:(\d+)$/.exec(flag)?.[1]))
    .sort((a, b) => a - b);
}

const charts: readonly (readonly [chart: string, name: string, values: Values])[] = [
  ['isthmus-hub', 'default', {}],
  ['isthmus-hub', 'with GraphQL over TLS', { api: { tlsSecretName: 'hub-tls' } }],
  ['isthmus-cluster', 'default', variants['isthmus-cluster']?.['default'] ?? {}],
];

withHelm('the network of charts', (helm) => {
  for (const [chart, name, values] of charts)
    describe(`of ${chart}, ${name}`, () => {
      const objects = helm.objects(chart, values);
      const template = programIn(objects);
      const [container] = template.spec.containers;
      const ports = container?.ports ?? [];
      const reached = ports.filter(({ containerPort }) => listening(template).includes(containerPort));

      it('has a port for each address that the program listens on', () => {
        deepEqual(
          reached.map(({ containerPort }) => containerPort).sort((a, b) => a - b),
          listening(template),
        );
      });

      it('has a NetworkPolicy that names each of these ports, or all of them for replicas, and no other', () => {
        const [policy, ...more] = specsOf(objects, 'NetworkPolicy');
        deepEqual(more, []);
        const named = policy?.ingress.flatMap((rule) => rule.ports?.map(({ port }) => port) ?? []) ?? [];
        // A rule without ports is for other pods of the agent.
        const ofReplicas = policy?.ingress.some((rule) => rule.ports === undefined) ? ['replica'] : [];
        deepEqual([...named, ...ofReplicas].sort(), reached.map((port) => port.name).sort());
      });

      it('has Services and probes that name ports of the program', () => {
        const names = ports.map((port) => port.name);
        for (const service of specsOf(objects, 'Service'))
          for (const { targetPort } of service.ports) ok(names.includes(targetPort), targetPort);
        for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'])
          equal((container?.[probe] as { httpGet: { port: string } }).httpGet.port, 'admin');
      });

      it('selects the pods of the program, and not those of the uninstall', () => {
        const budget = specsOf(objects, 'PodDisruptionBudget').map(({ selector }) => selector['matchLabels']);
        const spread = template.spec.topologySpreadConstraints?.map(
          ({ labelSelector }) => labelSelector.matchLabels,
        );
        const selectors = [
          ...specsOf(objects, 'Service').map(({ selector }) => selector),
          ...specsOf(objects, 'NetworkPolicy').map(({ podSelector }) => podSelector.matchLabels),
          ...(budget as readonly unknown[] as readonly Readonly<Record<string, string>>[]),
          ...(spread ?? []),
        ];
        ok(selectors.length >= (chart === 'isthmus-hub' ? 4 : 5), `${selectors.length}`);
        const job = objects.find(({ kind }) => kind === 'Job')?.['spec'] as
          { template: PodTemplate } | undefined;
        for (const selector of selectors) {
          const isSelected = (labels: Readonly<Record<string, string>>) =>
            Object.entries(selector).every(([key, value]) => labels[key] === value);
          ok(isSelected(template.metadata.labels), JSON.stringify(selector));
          equal(
            job !== undefined && isSelected(job.template.metadata.labels),
            false,
            JSON.stringify(selector),
          );
        }
      });
    });

  const aws = 'service.beta.kubernetes.io/aws-load-balancer';
  const eks = { [`${aws}-type`]: 'external', [`${aws}-nlb-target-type`]: 'ip' };
  const azure = { 'service.beta.kubernetes.io/azure-load-balancer-internal': 'true' };
  const annotations: readonly (readonly [profile: string, external: object, internal: object | undefined])[] =
    [
      ['default', {}, undefined],
      ['openshift', {}, undefined],
      [
        'gke',
        { 'cloud.google.com/l4-rbs': 'enabled' },
        { 'networking.gke.io/load-balancer-type': 'Internal' },
      ],
      ['eks', { ...eks, [`${aws}-scheme`]: 'internet-facing' }, { ...eks, [`${aws}-scheme`]: 'internal' }],
      ['aks', {}, azure],
    ];
  for (const [profile, external, internal] of annotations)
    it(`the profile ${profile} has the annotations of its platform's load balancers, public and internal`, () => {
      const of = (values: Values) =>
        helm
          .objects('isthmus-hub', { profile, ...values })
          .find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'isthmus-hub-link')?.metadata
          .annotations;
      deepEqual(of({}), external);
      if (internal !== undefined) deepEqual(of({ service: { internal: true } }), internal);
      deepEqual(of({ service: { type: 'NodePort' } }), {});
      const own = { annotations: { team: 'mesh' } };
      deepEqual(of({ service: own }), { ...external, team: 'mesh' });
    });
});
