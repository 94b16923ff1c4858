import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CompiledPolicy } from '@isthmus/api/domain/directive.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { Problems } from '@isthmus/cluster-agent/health/problems.ts';
import { coveredByHub } from '@isthmus/cluster-agent/coverage/covered-policy.ts';
import { PolicyCoverage } from '@isthmus/cluster-agent/coverage/policy-coverage.ts';
import type { Verdict } from '@isthmus/cluster-agent/health/judge.ts';
import { podKey, podUid, type ClientId, type PodKey } from '@isthmus/cluster-agent/keys/names.ts';
import { modeOf } from '@isthmus/cluster-agent/view/mode.ts';
import { viewOf } from '../../fakes/cluster.ts';
import { anAuthorization } from '../../fakes/records.ts';
import { WholePolicyCoverage } from '../../fakes/whole/policy-coverage.ts';

const pod = (i: number) => `apiVersion: v1
kind: Pod
metadata: { name: p${i}, namespace: shop, uid: u${i}, labels: { app: a${i % 2} } }
spec: { nodeName: n1, containers: [{ name: c }] }
status: { podIP: 127.7.1.${i + 1}, conditions: [{ type: Ready, status: 'True' }] }`;

const view = viewOf(
  [
    'apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }',
    ...[0, 1, 2, 3].map(pod),
  ].join('\n---\n'),
);
const pods = [...view.pods()];

/** How far a resource has come at a proxy. */
type Answer = 'NONE' | 'OLDER' | 'NOW' | 'REFUSED';

const clients = ['ztunnel/istio-system/z1' as ClientId, 'ztunnel/istio-system/z2' as ClientId];
const names = ['p', 'q'];
const answers: readonly Answer[] = ['NONE', 'OLDER', 'NOW', 'REFUSED'];

const step = fc.oneof(
  fc.record({
    do: fc.constant('policy' as const),
    name: fc.constantFrom(...names),
    version: fc.constantFrom('', 'v1', 'v2'),
    labels: fc.constantFrom({}, { app: 'a0' }),
  }),
  fc.record({
    do: fc.constant('verdict' as const),
    pod: fc.nat(3),
    by: fc.constantFrom(undefined, ...clients),
    cause: fc.constantFrom(undefined, 'NOT_READY' as const, 'PROXY_MISSING' as const),
  }),
  fc.record({
    do: fc.constant('answer' as const),
    client: fc.constantFrom(...clients),
    of: fc.oneof(fc.constantFrom(...names), fc.nat(3)),
    answer: fc.constantFrom(...answers),
  }),
  /** There is another version of it. */
  fc.record({ do: fc.constant('changed' as const), of: fc.oneof(fc.constantFrom(...names), fc.nat(3)) }),
  fc.record({ do: fc.constant('lost' as const), client: fc.constantFrom(...clients) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const policyOf = (name: string, labels: Readonly<Record<string, string>>): CompiledPolicy => ({
  name,
  revision: 1,
  target: { namespace: 'shop', labels },
  authorization: anAuthorization({ name }),
});
const keyOf = (name: string) => anAuthorization({ name }).key;
const uidOf = (i: number) => podUid('east', pods[i]!);

/** Coverage that follows changes, beside the one that looks at everything each time. */
class Both {
  readonly #policies = new Map<string, { readonly policy: CompiledPolicy; readonly version: string }>();
  readonly #verdicts = new Map<PodKey, Verdict>();
  readonly #answers = new Map<string, Answer>();
  readonly #streams = {
    isConnected: () => true,
    acknowledged: (client: string, type: string, name: string) => {
      const answer = this.#answers.get(`${client} ${type} ${name}`) ?? 'NONE';
      if (answer === 'REFUSED') return { refused: 'it is odd' };
      return answer === 'NONE' ? ('NO' as const) : ('YES' as const);
    },
    acknowledgedNow: (client: string, type: string, name: string) =>
      this.#answers.get(`${client} ${type} ${name}`) === 'NOW',
  };
  readonly #whole = new WholePolicyCoverage(this.#streams);
  readonly #coverage = new PolicyCoverage({
    cluster: 'east',
    view,
    judged: (name) => ({ part: modeOf(view, view.podNamed(name)!), verdict: this.#verdictOf(name) }),
    isNamed: () => true,
    streams: this.#streams,
  });

  run(one: Step): void {
    switch (one.do) {
      case 'policy': {
        const policy = one.version === '' ? undefined : policyOf(one.name, one.labels);
        if (policy) this.#policies.set(one.name, { policy, version: one.version });
        else this.#policies.delete(one.name);
        this.#coverage.setPolicy(one.name, policy && coveredByHub(policy), one.version);
        return;
      }
      case 'verdict': {
        const name = podKey(pods[one.pod]!.metadata);
        const problem = one.cause && { cause: one.cause, object: 'Node n1' };
        this.#verdicts.set(name, { problem, stale: undefined, provenBy: one.by, until: Infinity });
        this.#coverage.podTouched(name);
        return;
      }
      case 'answer':
        this.#set(one.client, one.of, one.answer);
        if (typeof one.of === 'string') this.#coverage.policyTouched(keyOf(one.of), one.client);
        else this.#coverage.workloadTouched(uidOf(one.of));
        return;
      case 'changed':
        for (const client of clients)
          if (this.#get(client, one.of) === 'NOW') this.#set(client, one.of, 'OLDER');
        if (typeof one.of === 'string') this.#coverage.policyTouched(keyOf(one.of), undefined);
        else this.#coverage.workloadTouched(uidOf(one.of));
        return;
      case 'lost':
        for (const of of [...names, 0, 1, 2, 3]) this.#set(one.client, of, 'NONE');
        this.#coverage.proxyTouched(one.client);
    }
  }

  check(): void {
    const health = {
      of: ({ metadata }: (typeof pods)[number]) => this.#verdictOf(podKey(metadata)),
      problems: new Problems(),
    };
    const all = this.#whole.reports([...this.#policies.values()], { cluster: 'east', view, health });
    const whole = new Map(all.map((report) => [report.subject, report]));
    for (const name of names) assert.deepEqual(this.#coverage.takeReport(name), whole.get(`policy/${name}`));
  }

  #verdictOf(name: PodKey): Verdict {
    const none = { problem: undefined, stale: undefined, provenBy: undefined, until: Infinity };
    return this.#verdicts.get(name) ?? none;
  }

  #place(client: string, of: string | number): string {
    return typeof of === 'string'
      ? `${client} ${typeUrls.authorization} ${keyOf(of)}`
      : `${client} ${typeUrls.address} ${uidOf(of)}`;
  }

  #get(client: string, of: string | number): Answer {
    return this.#answers.get(this.#place(client, of)) ?? 'NONE';
  }

  #set(client: string, of: string | number, answer: Answer): void {
    this.#answers.set(this.#place(client, of), answer);
  }
}

describe('the coverage of policies, whatever proxies answer', () => {
  it('is, report for report, what follows from looking at every pod of every policy', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const both = new Both();
        for (const one of steps) {
          both.run(one);
          both.check();
        }
      }),
      { numRuns: 300 },
    );
  });
});
