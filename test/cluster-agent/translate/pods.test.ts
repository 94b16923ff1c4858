import assert from 'node:assert/strict';
import { podsOf } from '@isthmus/cluster-agent/ca/pods.ts';
import { gatewayReports } from '@isthmus/cluster-agent/translate/gateways.ts';
import { serviceReports } from '../../fakes/service-reports.ts';
import { inputOf, translate, type TestInput } from '../../fakes/cluster.ts';

const namespace = (labels = 'istio.io/dataplane-mode: ambient', annotations = '') => `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { ${labels} }, annotations: { ${annotations} } }
---
apiVersion: v1
kind: Node
metadata: { name: n1, labels: { topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: z1, topology.istio.io/subzone: s1 } }
---`;

interface Written {
  readonly address?: string;
  readonly metadata?: string;
  readonly spec?: string;
  readonly containers?: string;
  readonly status?: string;
}

const pod = (
  name: string,
  { address = '10.0.0.7', metadata = '', spec = '', containers = '{}', status = '' }: Written = {},
) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: web }, ${metadata} }
spec: { nodeName: n1, serviceAccountName: ${name}, ${spec} containers: [${containers}] }
status: { podIP: ${address}, conditions: [{ type: Ready, status: "True" }], ${status} }
---`;

const service = (name: string, spec: string, metadata = '') => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop, ${metadata} }
spec: { ${spec} }
---`;

const web = service('web', 'selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }]');
const workloadsOf = (input: TestInput) =>
  [...translate(input).workloads.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
const memberships = (text: string) =>
  Object.fromEntries(
    workloadsOf(inputOf(namespace() + text)).map(({ name, services }) => [
      name,
      Object.fromEntries(
        [...services].map(([key, ports]) => [
          key.split('.')[0],
          ports.map(({ servicePort, targetPort }) => `${servicePort}:${targetPort}`),
        ]),
      ),
    ]),
  );

describe('a finished pod', () => {
  for (const phase of ['Succeeded', 'Failed']) {
    const text = pod('migrate', { status: `phase: ${phase}` }) + pod('front') + web;
    it(`that has ${phase} is not a workload, and its address is that of the pod that has it now`, () => {
      const workloads = workloadsOf(inputOf(namespace() + text));
      assert.deepEqual(
        workloads.map(({ name, addresses }) => [name, addresses]),
        [['front', ['10.0.0.7']]],
      );
    });

    it(`that has ${phase} is not an endpoint, counts nowhere, and stands behind no service`, () => {
      const input = inputOf(namespace() + text);
      const services = input.derived.health();
      assert.equal(input.view.podCount, 1);
      assert.deepEqual(
        services[0]?.groups.map(({ total, healthy }) => [total, healthy]),
        [[1, 1]],
      );
      assert.deepEqual(serviceReports(input).get('shop/web')?.subjectAltNames, [
        'spiffe://cluster.local/ns/shop/sa/front',
      ]);
    });

    it(`that has ${phase} proves no account`, () => {
      const pods = podsOf(inputOf(namespace() + text).view);
      assert.equal(pods.pod('shop', 'migrate'), undefined);
      assert.equal(pods.runsOn('n1', 'shop', 'migrate'), false);
      assert.equal(pods.runsOn('n1', 'shop', 'front'), true);
    });
  }

  it('that is running still is not finished', () => {
    assert.deepEqual(Object.keys(memberships(pod('front', { status: 'phase: Running' }) + web)), ['front']);
  });
});

describe('a pod that is being deleted', () => {
  const text =
    pod('leaving', { metadata: 'deletionTimestamp: "2026-01-01T00:00:00Z",' }) +
    pod('front', { address: '10.0.0.8' }) +
    web;
  const input = inputOf(namespace() + text);

  it('still opens connections: it is a workload, and proves its account', () => {
    const leaving = workloadsOf(input).find(({ name }) => name === 'leaving');
    assert.deepEqual([leaving?.addresses, leaving?.serviceAccount], [['10.0.0.7'], 'leaving']);
    const pods = podsOf(input.view);
    assert.equal(pods.pod('shop', 'leaving')?.serviceAccount, 'leaving');
    assert.equal(pods.runsOn('n1', 'shop', 'leaving'), true);
  });

  it('takes no new ones, though its probes may succeed', () => {
    const held = input.view.get('Pod', 'shop', 'leaving');
    assert.equal(held?.ready, false);
  });

  it('as a gateway is not ready', () => {
    const gateway = `
apiVersion: v1
kind: Service
metadata: { name: gw, namespace: istio-system, labels: { topology.istio.io/network: n } }
spec: { selector: { app: gw }, ports: [{ port: 15008 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: gw-1, namespace: istio-system, labels: { app: gw }, deletionTimestamp: "2026-01-01T00:00:00Z" }
spec: { nodeName: n1, containers: [{}] }
status: { podIP: 10.0.0.9, conditions: [{ type: Ready, status: "True" }] }
`;
    const reports = [...gatewayReports(inputOf(gateway)).values()];
    assert.deepEqual(
      reports.map(({ ready }) => ready),
      [false],
    );
  });
});

describe('an EndpointSlice that refers to a pod', () => {
  const slice = (endpoint: string, name = 'pg-1') => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, namespace: shop, labels: { kubernetes.io/service-name: pg } }
addressType: IPv4
ports: [{ name: pg, protocol: TCP, port: 5433 }, { name: stats, protocol: UDP, port: 9 }]
endpoints: [${endpoint}]
---`;
  const pg = service('pg', 'ports: [{ name: pg, port: 5432 }, { name: stats, port: 9 }]');
  const refers = (conditions = '{ ready: true }', of = 'pg-0') =>
    `{ addresses: [10.0.0.7], conditions: ${conditions}, targetRef: { kind: Pod, name: ${of} } }`;

  it('makes it a member, by mTLS and at the port of the slice; UDP is passed over', () => {
    const text = pod('pg-0') + pg + slice(refers());
    assert.deepEqual(memberships(text), { 'pg-0': { 'shop/pg': ['5432:5433'] } });
    const input = inputOf(namespace() + text);
    assert.deepEqual(input.derived.health().find(({ name }) => name === 'pg')?.groups, [
      { region: 'r1', zone: 'z1', transport: 'hbone', total: 1, healthy: 1 },
    ]);
    assert.deepEqual(serviceReports(input).get('shop/pg')?.subjectAltNames, [
      'spiffe://cluster.local/ns/shop/sa/pg-0',
    ]);
  });

  it('that is not ready there is an endpoint that takes nothing', () => {
    const text = pod('pg-0') + pg + slice(refers('{ ready: false }'));
    assert.deepEqual(memberships(text), { 'pg-0': {} });
    const [report] = inputOf(namespace() + text).derived.health();
    assert.deepEqual(
      report?.groups.map(({ total, healthy }) => [total, healthy]),
      [[1, 0]],
    );
  });

  it('that two slices name is a member once, with the ports of both', () => {
    const other = slice(refers(), 'pg-2').replace('name: pg, protocol', 'name: stats, protocol');
    const text = pod('pg-0') + pg + slice(refers()) + other;
    assert.deepEqual(memberships(text), { 'pg-0': { 'shop/pg': ['5432:5433', '9:5433'] } });
  });

  it('that is not there, or has finished, is not an endpoint', () => {
    for (const text of [
      pg + slice(refers('{ ready: true }', 'other')),
      pod('pg-0', { status: 'phase: Failed' }) + pg + slice(refers()),
    ])
      assert.deepEqual(memberships(text), {});
  });

  it('says nothing of addresses beside it', () => {
    const text = pod('pg-0') + pg + slice(`${refers()}, { addresses: [10.9.9.9] }`);
    const workloads = workloadsOf(inputOf(namespace() + text));
    assert.deepEqual(
      workloads.map(({ name, addresses, transport }) => [name, addresses, transport]),
      [
        ['pg-0', ['10.0.0.7'], 'hbone'],
        ['pg-1', ['10.9.9.9'], 'plaintext'],
      ],
    );
  });
});

describe('named target ports', () => {
  const mix = service('mix', 'selector: { app: web }, ports: [{ name: data, port: 70, targetPort: data }]');
  it('are never taken from UDP', () => {
    const containers =
      '{ ports: [{ name: data, containerPort: 7000, protocol: UDP }] }, { ports: [{ name: data, containerPort: 7001 }] }';
    assert.deepEqual(memberships(pod('mix', { containers }) + mix), { mix: { 'shop/mix': ['70:7001'] } });
  });

  it('are found in native sidecars', () => {
    const spec = 'initContainers: [{ restartPolicy: Always, ports: [{ name: data, containerPort: 9901 }] }],';
    assert.deepEqual(memberships(pod('p', { spec }) + mix), { p: { 'shop/mix': ['70:9901'] } });
  });

  it('a service port of UDP is none', () => {
    const udp = service('u', 'selector: { app: web }, ports: [{ port: 53, protocol: UDP }]');
    assert.deepEqual(memberships(pod('p') + udp), { p: {} });
  });
});

describe('an ExternalName', () => {
  const text =
    pod('front') +
    service(
      'ext',
      'type: ExternalName, externalName: db.example.org, selector: { app: web }, ports: [{ name: tcp, port: 7000 }]',
      'labels: { istio.io/global: "true" }',
    );
  it('is not reported, so it cannot be exported, and gives its pods no membership', () => {
    assert.equal(serviceReports(inputOf(namespace() + text)).size, 0);
    assert.deepEqual(memberships(text), { front: {} });
    assert.equal(translate(inputOf(namespace() + text)).services.size, 0);
  });
});

describe('a workload as telemetry shows it', () => {
  it('has the canonical name and revision of its labels, its owner’s name and its node’s subzone', () => {
    const metadata =
      'generateName: front-, ownerReferences: [{ kind: ReplicaSet, name: front-abc, controller: true }],';
    const labels =
      'labels: { app: web, pod-template-hash: abc, service.istio.io/canonical-name: storefront, service.istio.io/canonical-revision: v9 }';
    const text = pod('front-abc-x', { metadata }).replace('labels: { app: web }', labels);
    const [workload] = workloadsOf(inputOf(namespace() + text));
    assert.deepEqual(
      [workload?.canonicalName, workload?.canonicalRevision, workload?.workloadName],
      ['storefront', 'v9', 'front'],
    );
    assert.deepEqual(workload?.locality, { region: 'r1', zone: 'z1', subzone: 's1' });
  });

  it('falls back to its workload’s name, and to latest', () => {
    const text = pod('front').replace('labels: { app: web }', 'labels: {}');
    const [workload] = workloadsOf(inputOf(namespace() + text));
    assert.deepEqual([workload?.canonicalName, workload?.canonicalRevision], ['front', 'latest']);
  });

  it('has both addresses of a dual-stack pod', () => {
    const text = pod('front', { status: 'podIPs: [{ ip: 10.0.0.7 }, { ip: "fd00::7" }]' });
    const [workload] = workloadsOf(inputOf(namespace() + text));
    assert.deepEqual(workload?.addresses, ['10.0.0.7', 'fd00::7']);
  });
});

describe('traffic distribution', () => {
  const annotation = 'networking.istio.io/traffic-distribution';
  const of = (field: string, own: string, inherited: string) => {
    const text =
      namespace('', inherited === '' ? '' : `${annotation}: ${inherited}`) +
      service(
        'a',
        `selector: { app: a }, ports: [{ port: 80 }], ${field}`,
        own === '' ? '' : `annotations: { ${annotation}: ${own} }`,
      );
    const [found] = translate(inputOf(text)).services.values();
    return found?.routingPreference.at(-1) ?? 'ANY';
  };
  const table: Record<string, [string, string, string, string]> = {
    none: ['', '', '', 'ANY'],
    'the field': ['trafficDistribution: PreferSameZone', '', '', 'ZONE'],
    'the field before the annotation': ['trafficDistribution: PreferSameNode', 'PreferClose', '', 'NODE'],
    'a field of another case counts for nothing': ['trafficDistribution: prefersamenode', '', '', 'ANY'],
    'the annotation, whatever its case': ['', 'preferclose', '', 'ZONE'],
    'the annotation before the namespace': ['', 'PREFERSAMENODE', 'PreferClose', 'NODE'],
    'the namespace': ['', '', 'PreferClose', 'ZONE'],
    'the namespace, whatever its case': ['', '', 'prefersamenode', 'NODE'],
    'a word that is none stops the search': ['', 'Near', 'PreferClose', 'ANY'],
  };
  for (const [name, [field, own, inherited, scope]] of Object.entries(table))
    it(name, () => assert.equal(of(field, own, inherited), scope));
});
