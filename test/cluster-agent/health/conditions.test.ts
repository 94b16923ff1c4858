import assert from 'node:assert/strict';
import { healthConditions as conditionsOfProblems } from '@isthmus/cluster-agent/health/conditions.ts';
import type { PlainCause, Verdict } from '@isthmus/cluster-agent/health/judge.ts';
import { Problems } from '@isthmus/cluster-agent/health/problems.ts';
import type { Finding } from '@isthmus/cluster-agent/health/tracker.ts';
import { clusterConditions, targetPortConditions } from '@isthmus/cluster-agent/translate/conditions.ts';
import { podKey, serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import { aRejection, inputOf, viewOf, translate } from '../../fakes/cluster.ts';

const podOf = (name: string, node = 'n1') => {
  const pod = viewOf(`apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop }
spec: { nodeName: ${node}, serviceAccountName: cart, containers: [{ name: c }] }`).get('Pod', 'shop', name);
  assert.ok(pod);
  return pod;
};

const found = (name: string, cause: PlainCause, object: string, over: Partial<Finding> = {}): Finding => ({
  pod: podOf(name),
  part: 'AMBIENT',
  startingUntil: -Infinity,
  verdict: {
    problem: { cause, object },
    stale: undefined,
    provenBy: undefined,
    until: Infinity,
  } satisfies Verdict,
  ...over,
});

const two = (i: number) => String(i).padStart(2, '0');

function problemsOf(findings: readonly Finding[]): Problems {
  const problems = new Problems();
  for (const one of findings) problems.set(podKey(one.pod.metadata), one);
  return problems;
}

const healthConditions = (findings: readonly Finding[], now: number) =>
  conditionsOfProblems(problemsOf(findings), now);

describe('conditions of proxies and nodes', () => {
  it('are one for a node without its ztunnel, with the pods there and what to do', () => {
    const some = ['a', 'b'].map((name) => found(name, 'PROXY_MISSING', 'Node n1'));
    const [one, ...rest] = healthConditions(some, 0);
    assert.equal(rest.length, 0);
    assert.deepEqual(one, {
      type: 'ProxyConnected',
      status: 'False',
      reason: 'PROXY_MISSING',
      severity: 'ERROR',
      object: 'Node n1',
      message: 'Node n1 has no ztunnel: 2 pods are not healthy: shop/a, shop/b',
      remedy: 'run a pod of service account istio-system/ztunnel on Node n1',
    });
  });

  it('name ten pods and count the rest', () => {
    const message = (count: number) => {
      const names = Array.from({ length: count }, (_, i) => `p${two(i)}`);
      return healthConditions(
        names.map((name) => found(name, 'NODE_UNKNOWN', 'Node n9')),
        0,
      )[0]?.message;
    };
    assert.match(message(9) ?? '', /9 pods .* shop\/p08$/);
    assert.match(message(10) ?? '', /10 pods .* shop\/p09$/);
    assert.match(message(11) ?? '', /11 pods .* shop\/p09 and 1 more$/);
  });

  it('are ten of one cause, and one that counts the rest', () => {
    const of = (count: number) =>
      healthConditions(
        Array.from({ length: count }, (_, i) => found(`p${two(i)}`, 'PROXY_MISSING', `Node n${two(i)}`)),
        0,
      );
    assert.equal(of(9).length, 9);
    assert.equal(of(10).length, 10);
    assert.equal(of(11).length, 11);
    assert.equal(of(12).length, 11);
    assert.match(
      of(12)[10]?.message ?? '',
      /^the same holds for 2 more: Node n10, Node n11; 2 pods there are not healthy$/,
    );
  });

  it('are of the objects and pods that come first by name, in whatever order they were found', () => {
    const findings = Array.from({ length: 12 }, (_, i) =>
      found(`p${two(i)}`, 'PROXY_MISSING', `Node n${two(11 - i)}`),
    );
    const conditions = healthConditions(findings, 0);
    assert.deepEqual(healthConditions(findings.toReversed(), 0), conditions);
    assert.equal(conditions[0]?.object, 'Node n00');
  });

  for (const [now, reasons] of [
    [4_999, []],
    [5_000, ['PROXY_NOT_CONNECTED']],
    [5_001, ['PROXY_NOT_CONNECTED']],
  ] as const)
    it(`${reasons.length === 0 ? 'are none' : 'are one'} for a pod that has been on its way up for ${now} of 5,000 ms`, () => {
      const some = [found('a', 'PROXY_NOT_CONNECTED', 'Pod istio-system/z', { startingUntil: 5_000 })];
      assert.deepEqual(
        healthConditions(some, now).map(({ reason }) => reason),
        reasons,
      );
      assert.equal(problemsOf(some).nextMissed(now), reasons.length === 0 ? 5_000 : Infinity);
    });

  it('are one for all sidecars that are missing', () => {
    const some = ['a', 'b'].map((name) =>
      found(name, 'PROXY_NOT_CONNECTED', `Pod shop/${name}`, { part: 'SIDECAR' }),
    );
    const conditions = healthConditions(some, 0);
    assert.equal(conditions.length, 1);
    assert.match(
      conditions[0]?.message ?? '',
      /^2 sidecars are affected, those of shop\/a, shop\/b; the first: the sidecar of Pod shop\/a is not connected/,
    );
  });

  it('are there for a gateway that is not ready, and not for an application', () => {
    const [one, ...rest] = healthConditions(
      [
        found('gw', 'NOT_READY', 'Pod shop/gw', { part: 'GATEWAY' }),
        found('app', 'NOT_READY', 'Pod shop/app'),
      ],
      0,
    );
    assert.equal(rest.length, 0);
    assert.deepEqual([one?.type, one?.object], ['GatewayReady', 'Pod shop/gw']);
  });
});

describe('conditions of a cluster', () => {
  const grants = new Map([['shop/cart', { namespace: 'shop', name: 'cart', clusters: ['west'] }]]);
  const gateway = (ready: boolean) => `apiVersion: v1
kind: Service
metadata: { name: gw, namespace: istio-system, labels: { topology.istio.io/network: network-east } }
spec: { selector: { app: gw }, ports: [{ port: 15008 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: gw-1, namespace: istio-system, labels: { app: gw } }
spec: { nodeName: n1, serviceAccountName: gw, containers: [{ name: c }] }
status: { podIP: 127.7.1.1, conditions: [{ type: Ready, status: '${ready ? 'True' : 'False'}' }] }`;
  const empty = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }';
  const reasons = (text: string, hub: Parameters<typeof inputOf>[1] = { grants }) =>
    clusterConditions(inputOf(text, hub), 0).map(({ reason }) => reason);

  it('say that other clusters cannot enter, when it exports services and has no gateway that is healthy', () => {
    assert.deepEqual(reasons(empty), ['GATEWAY_MISSING']);
    assert.deepEqual(reasons(gateway(false)), ['GATEWAY_UNAVAILABLE']);
    assert.deepEqual(reasons(gateway(true)), []);
    assert.deepEqual(reasons(empty, {}), []);
    const alone = new Map([['shop/cart', { namespace: 'shop', name: 'cart', clusters: [] }]]);
    assert.deepEqual(reasons(empty, { grants: alone }), []);
  });

  it('say how many manifests are rejected or applied in part, by the gravest', () => {
    const of = (...severities: ('ERROR' | 'WARNING' | 'INFO')[]) => {
      const input = inputOf(empty);
      const rejections = severities.map((severity, i) => aRejection({ severity, line: i + 1 }));
      input.view.apply([{ type: 'rejections', origin: 'a.yaml', rejections }]);
      return clusterConditions(input, 0).map(({ reason, severity }) => `${reason} ${severity}`);
    };
    assert.deepEqual(of('INFO'), []);
    assert.deepEqual(of('WARNING', 'INFO'), ['MANIFESTS_PARTLY_APPLIED WARNING']);
    assert.deepEqual(of('INFO', 'WARNING', 'ERROR'), ['MANIFESTS_REJECTED ERROR']);
  });
});

describe('a service whose target port is a name that its pod lacks', () => {
  const pod = (name: string, port: string) => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: shop, labels: { app: ghost } }
spec: { nodeName: n1, containers: [{ name: c, ports: [{ name: ${port}, containerPort: 7000 }] }] }
status: { podIP: 127.7.1.1, conditions: [{ type: Ready, status: 'True' }] }
`;
  const service = `apiVersion: v1
kind: Service
metadata: { name: ghost, namespace: shop }
spec: { selector: { app: ghost }, ports: [{ name: tcp, port: 7000, targetPort: tcp }] }
`;
  const of = (pods: string) => {
    const input = inputOf(service + pods);
    const found = input.view.get('Service', 'shop', 'ghost');
    assert.ok(found);
    const healthy = input.derived
      .groups(serviceKeyOf(found.metadata))
      .reduce((sum, group) => sum + group.healthy, 0);
    return { healthy, conditions: targetPortConditions(input, found), snapshot: translate(input) };
  };

  it('has no healthy endpoint there, and says which port and which pods', () => {
    const { healthy, conditions, snapshot } = of(pod('ghost', 'other'));
    assert.equal(healthy, 0);
    assert.equal(snapshot.workloads.get('east//Pod/shop/ghost')?.services.size, 0);
    assert.deepEqual(
      conditions.map(({ reason, severity }) => [reason, severity]),
      [['PORT_MISSING', 'ERROR']],
    );
    assert.match(conditions[0]?.message ?? '', /port 7000 .* named tcp, which 1 of 1 pods lack: shop\/ghost/);
  });

  it('keeps the pods that have it', () => {
    const { healthy, conditions } = of(pod('ghost', 'other') + pod('real', 'tcp'));
    assert.equal(healthy, 1);
    assert.equal(conditions[0]?.severity, 'WARNING');
    assert.deepEqual(of(pod('real', 'tcp')).conditions, []);
  });
});
