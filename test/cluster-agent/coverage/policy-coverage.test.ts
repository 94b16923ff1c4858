import assert from 'node:assert/strict';
import type { CompiledPolicy } from '@isthmus/api/domain/directive.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { coveredByHub } from '@isthmus/cluster-agent/coverage/covered-policy.ts';
import { PolicyCoverage } from '@isthmus/cluster-agent/coverage/policy-coverage.ts';
import type { Verdict } from '@isthmus/cluster-agent/health/judge.ts';
import { podKey, type ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import { modeOf } from '@isthmus/cluster-agent/view/mode.ts';
import { viewOf } from '../../fakes/cluster.ts';
import { anAuthorization } from '../../fakes/records.ts';

const policy: CompiledPolicy = {
  name: 'p',
  revision: 1,
  target: { namespace: 'shop', labels: {} },
  authorization: anAuthorization({ name: 'p' }),
};
const { key } = policy.authorization;

const pods = (count: number, mode = 'ambient') =>
  viewOf(
    [
      `apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { istio.io/dataplane-mode: ${mode} } }`,
      ...Array.from(
        { length: count },
        (_, i) => `apiVersion: v1
kind: Pod
metadata: { name: p${i}, namespace: shop, uid: u${i} }
spec: { nodeName: n1, containers: [{ name: c }] }
status: { podIP: 127.7.1.${i + 1}, conditions: [{ type: Ready, status: 'True' }] }`,
      ),
    ].join('\n---\n'),
  );

const z1 = 'ztunnel/istio-system/z1' as ClientId;

describe('a policy of the hub in a cluster', () => {
  /** What the one proxy has acknowledged in the version of now, and what it has refused. */
  let now: Set<string>;
  let refused: Set<string>;
  let coverage: PolicyCoverage;
  let proxy: ClientId | undefined;
  let view: ReturnType<typeof pods>;
  let problem: Verdict['problem'];
  let uncaptured: string | undefined;
  beforeEach(() => {
    uncaptured = undefined;
    [now, refused, proxy] = [new Set(), new Set(), z1];
    coverage = new PolicyCoverage({
      cluster: 'east',
      view: {
        podNamed: (name) => view.podNamed(name),
        podsSelectedBy: (namespace, labels) => view.podsSelectedBy(namespace, labels),
      },
      judged(name) {
        const pod = view.podNamed(name);
        const verdict = { problem, stale: undefined, provenBy: proxy, until: Infinity };
        return pod && { part: uncaptured === undefined ? modeOf(view, pod) : 'NONE', uncaptured, verdict };
      },
      isNamed: () => true,
      streams: {
        acknowledged: (_client, type, name) =>
          refused.has(`${type} ${name}`)
            ? { refused: 'it is odd' }
            : now.has(`${type} ${name}`)
              ? 'YES'
              : 'NO',
        isConnected: () => true,
        acknowledgedNow: (_client, type, name) => now.has(`${type} ${name}`),
      },
    });
  });

  const report = (of = pods(1), found?: Verdict['problem']) => {
    [view, problem] = [of, found];
    coverage.setPolicy('p', coveredByHub(policy), 'v1');
    const one = coverage.takeReport('p');
    assert.ok(one);
    return one;
  };
  const acknowledge = (...pods: number[]) => {
    now.add(`${typeUrls.authorization} ${key}`);
    for (const i of pods) now.add(`${typeUrls.address} east//Pod/shop/p${i}`);
  };

  it('is applied when the proxy of every workload that it selects has acknowledged it and its attachment', () => {
    assert.match(
      report().message,
      /^not enforced for 1 of 1 workloads: shop\/p0 \(its proxy has not acknowledged the policy\)$/,
    );
    acknowledge();
    assert.match(report().message, /has not acknowledged that the policy is attached/);
    acknowledge(0);
    assert.deepEqual(report(), {
      subject: 'policy/p',
      version: 'v1',
      state: 'APPLIED',
      message: '',
      proxies: 1,
    });
  });

  it('forgets pods that are gone, and all pods with the last policy', () => {
    report(pods(3));
    assert.equal(coverage.size, 3);
    view = pods(1);
    for (const name of ['p1', 'p2']) coverage.podTouched(podKey({ namespace: 'shop', name }));
    assert.equal(coverage.size, 1);
    view = pods(0);
    coverage.setPolicy('p', undefined, '');
    assert.equal(coverage.size, 0);
  });

  it('stays applied while a later change of a workload is under way, such as of its health', () => {
    acknowledge(0);
    assert.equal(report().state, 'APPLIED');
    now.delete(`${typeUrls.address} east//Pod/shop/p0`);
    assert.equal(report().state, 'APPLIED');
  });

  it('is not applied over a pod that is not captured, and names what its node agent says', () => {
    acknowledge(0);
    uncaptured = 'iptables is missing';
    const { state, message } = report();
    assert.equal(state, 'PENDING');
    assert.match(message, /shop\/p0 \(its traffic is not captured \(iptables is missing\)\)/);
    uncaptured = undefined;
    coverage.podTouched(podKey({ namespace: 'shop', name: 'p0' }));
    assert.equal(coverage.takeReport('p')?.state, 'APPLIED');
  });

  it('is not applied over a pod of no mesh mode, nor under a misspelt one, nor where a proxy is missing', () => {
    acknowledge(0);
    assert.match(
      report(pods(1, 'none')).message,
      /shop\/p0 \(it is of no mesh mode, so no proxy serves it\)/,
    );
    const typo = {
      cause: 'MODE_UNKNOWN',
      object: 'Namespace shop',
      label: 'l',
      value: 'x',
      known: ['y', 'z'],
    } as const;
    assert.match(
      report(pods(1, 'ambeint'), typo).message,
      /shop\/p0 \(Namespace shop has the label l: x, which is not one of y, z\)/,
    );
    const missing = { cause: 'PROXY_MISSING', object: 'Node n1' } as const;
    assert.match(report(pods(1), missing).message, /shop\/p0 \(Node n1 has no ztunnel\)/);
    proxy = undefined;
    const lost = report();
    assert.equal(lost.state, 'PENDING');
    assert.match(lost.message, /has lost its connection/);
  });

  it('is applied to a pod that is not ready: its proxy enforces it all the same', () => {
    acknowledge(0);
    assert.equal(report(pods(1), { cause: 'NOT_READY', object: 'Pod shop/p0' }).state, 'APPLIED');
  });

  it('is rejected where a proxy that has to enforce it refuses it', () => {
    acknowledge(0);
    refused.add(`${typeUrls.authorization} ${key}`);
    assert.deepEqual([report().state, report().message], ['REJECTED', `${z1}: it is odd`]);
  });

  it('names ten workloads that are not covered, and counts the rest', () => {
    for (const [count, end] of [
      [9, /p8 \([^)]*\)$/],
      [10, /p9 \([^)]*\)$/],
      [11, /p8 \([^)]*\) and 1 more$/],
    ] as const) {
      const { message } = report(pods(count));
      assert.match(message, new RegExp(`^not enforced for ${count} of ${count} workloads: `));
      assert.match(message, end);
    }
  });

  it('says so where it selects nothing', () => {
    assert.deepEqual(
      [report(pods(0)).state, report(pods(0)).message],
      ['APPLIED', 'it selects no workload of this cluster'],
    );
  });
});
