import assert from 'node:assert/strict';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import type { ClusterObject, PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';

const taken = (raw: object): ClusterObject => {
  const decoded = decodeObject(raw);
  assert.ok(decoded.ok && decoded.value.kind === 'object', JSON.stringify(decoded));
  return decoded.value.object;
};
const serviceOf = (spec: object): ServiceObject => {
  const object = taken({ apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec });
  assert.ok(object.kind === 'Service');
  return object;
};
const podOf = (spec: object, over: object = {}): PodObject => {
  const object = taken({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c' }], ...spec },
    ...over,
  });
  assert.ok(object.kind === 'Pod');
  return object;
};
const probed = (readinessProbe: object) =>
  podOf({ containers: [{ ports: [{ name: 'web', containerPort: 8080 }], readinessProbe }] })
    .readinessProbes[0];

const inSeconds = (timeoutSeconds: number): object => ({
  sessionAffinity: 'ClientIP',
  sessionAffinityConfig: { clientIP: { timeoutSeconds } },
});

describe('what the API server takes is taken', () => {
  const targets: Record<string, unknown> = { none: undefined, '0': 0, 'an empty name': '', null: null };
  for (const [name, targetPort] of Object.entries(targets))
    it(`a target port of ${name} is the port itself`, () => {
      assert.equal(serviceOf({ ports: [{ port: 81, targetPort }] }).ports[0]?.targetPort, 81);
    });

  it('ports of UDP and SCTP are kept apart from those that the mesh carries', () => {
    const ports = [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'http', port: 80 },
      { name: 's', port: 9, protocol: 'SCTP', appProtocol: 'x' },
    ];
    const service = serviceOf({ ports });
    assert.deepEqual(
      service.ports.map(({ name }) => name),
      ['http'],
    );
    assert.deepEqual(service.otherPorts, [
      { name: 'dns', port: 53, protocol: 'UDP', appProtocol: '' },
      { name: 's', port: 9, protocol: 'SCTP', appProtocol: 'x' },
    ]);
  });

  const affinities: Record<string, readonly [object, number]> = {
    none: [{}, 0],
    'another word': [{ sessionAffinity: 'Cookie' }, 0],
    'a time without ClientIP': [{ sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } } }, 0],
    'ClientIP alone, which is three hours': [{ sessionAffinity: 'ClientIP' }, 10_800],
    'a second': [inSeconds(1), 1],
    'a day': [inSeconds(86_400), 86_400],
    'more than a day, which is as none': [inSeconds(86_401), 10_800],
  };
  for (const [name, [spec, seconds]] of Object.entries(affinities))
    it(`session affinity of ${name}`, () => {
      assert.equal(serviceOf(spec).affinitySeconds, seconds);
    });

  const paths: Record<string, string> = {
    healthz: '/healthz',
    '': '/',
    '/a b': '/a%20b',
    '/é?x=%20': '/%C3%A9?x=%20',
    '/a#part': '/a',
    '/a\r\nX: y': '/a%0D%0AX:%20y',
  };
  for (const [path, asked] of Object.entries(paths))
    it(`a probe of the path ${JSON.stringify(path)} asks for ${asked}, as a kubelet does`, () => {
      assert.equal(probed({ httpGet: { port: 8080, path } })?.path, asked);
    });

  it('a probe without a path asks for the root', () => {
    assert.equal(probed({ httpGet: { port: 8080 } })?.path, '/');
  });

  it('numbers of 0 in a probe are the defaults', () => {
    const zero = { periodSeconds: 0, timeoutSeconds: 0, failureThreshold: 0, successThreshold: 0 };
    const probe = probed({ tcpSocket: { port: 'web' }, ...zero });
    assert.deepEqual(
      [
        probe?.port,
        probe?.periodMillis,
        probe?.timeoutMillis,
        probe?.failureThreshold,
        probe?.successThreshold,
      ],
      [8080, 10_000, 1000, 3, 1],
    );
  });

  it('a period that is longer than a timer can wait is as long as that', () => {
    const millis = (periodSeconds: number) => probed({ tcpSocket: { port: 1 }, periodSeconds })?.periodMillis;
    assert.deepEqual(
      [2_147_482, 2_147_483, 2_147_484].map(millis),
      [2_147_482_000, 2_147_483_000, 2_147_483_647],
    );
  });

  it('an empty address is none, and so are empty names', () => {
    const pod = podOf({ nodeName: '', serviceAccountName: '' }, { status: { podIP: '', podIPs: [] } });
    assert.deepEqual([pod.podIP, pod.nodeName, pod.serviceAccount], ['', '', 'default']);
  });

  it('the older name of the service account is read where the newer is empty', () => {
    assert.equal(podOf({ serviceAccount: 'old' }).serviceAccount, 'old');
    assert.equal(podOf({ serviceAccount: 'old', serviceAccountName: 'new' }).serviceAccount, 'new');
  });

  it('podIPs alone, and both addresses of a dual-stack pod', () => {
    const status = { podIP: '10.0.0.7', podIPs: [{ ip: '10.0.0.7' }, { ip: 'FD00::7' }] };
    for (const one of [status, { podIPs: status.podIPs }]) {
      const pod = podOf({}, { status: one });
      assert.deepEqual([pod.podIP, pod.otherIPs], ['10.0.0.7', ['fd00::7']]);
    }
  });

  it('a slice of names in DNS, which has no endpoints', () => {
    const slice = taken({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'e' },
      addressType: 'FQDN',
      endpoints: [{ addresses: ['db.example.org'] }],
      ports: null,
    });
    assert.deepEqual(slice.kind === 'EndpointSlice' && slice.endpoints, []);
  });
});

describe('an address that is not one pod’s own is refused', () => {
  const pod = (podIP: string) =>
    decodeObject({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{}] },
      status: { podIP },
    });
  const slice = (address: string) =>
    decodeObject({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'e' },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address] }],
    });
  for (const address of [
    ...['0.0.0.0', '0.1.2.3', '127.0.0.1', '169.254.169.254', '224.0.0.1', '255.255.255.255'],
    ...['::', '::1', 'fe80::1', 'ff02::1', '::ffff:169.254.169.254', 'localhost'],
  ])
    it(address, () => {
      const [one, other] = [pod(address), slice(address)];
      assert.ok(!one.ok && !other.ok);
      assert.deepEqual([one.error.field, other.error.field], ['status.podIP', 'endpoints[0].addresses[0]']);
      assert.match(one.error.message, /must be (an IP address|the address of one pod)/);
    });
  for (const address of [
    '127.0.0.2',
    '127.7.17.2',
    '10.0.0.1',
    '169.253.255.255',
    '169.255.0.0',
    '223.255.255.255',
    'fd00::1',
  ])
    it(`and ${address} is taken`, () => assert.ok(pod(address).ok && slice(address).ok));
});

describe('ports of a pod', () => {
  const udp = { name: 'data', containerPort: 7000, protocol: 'UDP' };
  const tcp = { name: 'data', containerPort: 7001 };

  it('are those of TCP, wherever they stand', () => {
    const { ports } = podOf({
      containers: [{ ports: [udp] }, { ports: [tcp, { containerPort: 7002, protocol: 'SCTP' }] }],
    });
    assert.deepEqual(ports, [{ name: 'data', port: 7001 }]);
  });

  it('of init containers that go on come after those of containers; others have none', () => {
    const { ports, readinessProbes } = podOf({
      containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }],
      initContainers: [
        { ports: [{ name: 'gone', containerPort: 1 }], readinessProbe: { tcpSocket: { port: 1 } } },
        {
          restartPolicy: 'Always',
          ports: [{ name: 'side', containerPort: 9901 }],
          readinessProbe: { tcpSocket: { port: 'side' } },
        },
      ],
    });
    assert.deepEqual(ports, [
      { name: 'http', port: 8080 },
      { name: 'side', port: 9901 },
    ]);
    assert.deepEqual(
      readinessProbes.map(({ port }) => port),
      [9901],
    );
  });

  it('the name in a probe is that of a port of its own container', () => {
    const { readinessProbes } = podOf({
      containers: [
        { ports: [tcp] },
        { ports: [{ ...tcp, containerPort: 7003 }], readinessProbe: { tcpSocket: { port: 'data' } } },
      ],
    });
    assert.deepEqual(
      readinessProbes.map(({ port }) => port),
      [7003],
    );
  });
});

describe('the workload that a pod is one of', () => {
  const hash = '7d4b9c6f5';
  const owned = (kind: string, name: string, labels: object = {}, over: object = {}) =>
    podOf(
      {},
      {
        metadata: {
          name: 'p-x',
          generateName: 'p-',
          labels,
          ownerReferences: [
            { kind: 'Node', name: 'no' },
            { kind, name, controller: true },
          ],
          ...over,
        },
      },
    ).workloadName;
  const table: Record<string, [string, string]> = {
    'a Deployment, of a ReplicaSet': [
      owned('ReplicaSet', `web-${hash}`, { 'pod-template-hash': hash }),
      'web',
    ],
    'a Rollout': [owned('ReplicaSet', `web-${hash}`, { 'rollouts-pod-template-hash': hash }), 'web'],
    'a ReplicaSet without an owner': [owned('ReplicaSet', 'web', {}), 'web'],
    'a CronJob, of a Job with a time in its name': [owned('Job', 'backup-28543210'), 'backup'],
    'a Job': [owned('Job', 'backup-1'), 'backup-1'],
    'a StatefulSet': [owned('StatefulSet', 'db'), 'db'],
    'a DeploymentConfig': [owned('ReplicationController', 'web-3', { deploymentconfig: 'web' }), 'web'],
    'what its label says': [
      owned('StatefulSet', 'db', { 'service.istio.io/workload-name': 'store' }),
      'store',
    ],
    'itself, when its name was not generated': [owned('StatefulSet', 'db', {}, { generateName: '' }), 'p-x'],
    'itself, without an owner': [podOf({}).workloadName, 'p'],
  };
  for (const [name, [workload, expected]] of Object.entries(table))
    it(name, () => assert.equal(workload, expected));
});

describe('an ExternalName', () => {
  it('selects nothing, and says what of it has no effect', () => {
    const decoded = decodeObject({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'ext', labels: { 'istio.io/global': 'true' } },
      spec: { type: 'ExternalName', externalName: 'db.example.org', selector: { app: 'a' } },
    });
    assert.ok(decoded.ok && decoded.value.kind === 'object' && decoded.value.object.kind === 'Service');
    assert.deepEqual(decoded.value.object.selector, {});
    assert.deepEqual(
      decoded.value.findings.map(({ code, severity, field }) => [code, severity, field]),
      [
        ['NO_EFFECT', 'WARNING', 'metadata.labels.istio.io/global'],
        ['NO_EFFECT', 'WARNING', 'spec.selector'],
      ],
    );
  });
});
