import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Rejection } from '@isthmus/api/domain/rejection.ts';
import { evaluate } from '@isthmus/mesh/rbac/evaluate.ts';
import { settle } from '@isthmus/cluster-agent/source/files/holding.ts';
import { readManifests } from '@isthmus/cluster-agent/source/files/read-file.ts';
import { podKey } from '@isthmus/cluster-agent/keys/names.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { inputOf, outputsOf } from '../../fakes/cluster.ts';
import { damage, garbage, places } from '../../fakes/damaged-values.ts';
import { call, spec, verdictOf, type Call, type WrittenSpec } from '../../fakes/istio-policies.ts';
import { aWorkload } from '../../fakes/records.ts';

const labels = { app: 'cart', version: 'v1' };
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'shop', labels },
  spec: { containers: [{}] },
};
const policy = (name: string, written: unknown, metadata: object = {}) => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name, namespace: 'shop', ...metadata },
  spec: written,
});

/** What an agent that never saw these objects before makes of them, and says. */
function agentWith(objects: readonly object[]) {
  const text = [pod, ...objects].map((one) => JSON.stringify(one)).join('\n---\n');
  const contents = settle(undefined, readManifests(text, 'a.yaml'));
  const view = new ClusterView();
  view.apply([...contents.objects].map(([id, { object }]) => ({ type: 'upsert', id, object })));
  const { snapshot, policies } = outputsOf({ ...inputOf(''), view });
  const { authorizations } = snapshot;
  const found = view.get('Pod', 'shop', 'p');
  assert.ok(found);
  const keys = policies(podKey(found.metadata))?.keys ?? [];
  const applying = [...authorizations.values()].filter(
    ({ scope, namespace, key }) =>
      scope === 'GLOBAL' || (scope === 'NAMESPACE' && namespace === 'shop') || keys.includes(key),
  );
  const denies = ({ identity, address, port }: Call) =>
    !evaluate(applying, {
      source: { address, identity },
      destination: { address: '10.0.0.1', port, workload: aWorkload({ uid: 'u' }) },
    }).allowed;
  return { denies, rejections: contents.rejections };
}

const applies = ({ selector }: WrittenSpec) =>
  Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => Reflect.get(labels, key) === value);

describe('AuthorizationPolicies of random rules', () => {
  it('that need no L7 are enforced exactly, and say nothing', () => {
    fc.assert(
      fc.property(
        fc.array(spec({ l4: true }), { maxLength: 3 }),
        fc.array(call, { minLength: 5 }),
        (specs, calls) => {
          const { denies, rejections } = agentWith(specs.map((one, i) => policy(`p${i}`, one)));
          assert.deepEqual(rejections, []);
          for (const one of calls)
            assert.equal(denies(one), verdictOf(specs.filter(applies), one) === 'MUST', JSON.stringify(one));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('that need L7 deny whatever they would with a waypoint, and say where they differ', () => {
    fc.assert(
      fc.property(
        fc.array(spec({ l4: false }), { maxLength: 3 }),
        fc.array(call, { minLength: 5 }),
        (specs, calls) => {
          const { denies, rejections } = agentWith(specs.map((one, i) => policy(`p${i}`, one)));
          for (const one of calls) {
            const expected = verdictOf(specs.filter(applies), one);
            if (expected === 'MUST') assert.ok(denies(one), `let in ${JSON.stringify(one)}`);
            if (denies(one) !== (expected === 'MUST') || expected === 'MAY')
              assert.ok(rejections.length > 0, `is not reported: ${JSON.stringify(one)}`);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

const damaged = fc
  .tuple(spec({ l4: false }), fc.nat(), garbage, fc.boolean())
  .map(([whole, at, by, rename]) => {
    const object = policy('hurt', whole);
    const all = places(object).filter(([first]) => first === 'spec' || first === 'metadata');
    const place = all[at % all.length] ?? [];
    return { whole, place, object: damage(object, place, by, rename) as object };
  });

const isOfHurt = ({ object }: Rejection) => object.startsWith('AuthorizationPolicy');

describe('an AuthorizationPolicy of which a part cannot be read', () => {
  it('denies at least what it would if it could be, and says so', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        damaged,
        fc.array(spec({ l4: false }), { maxLength: 1 }),
        fc.array(call, { minLength: 5 }),
        (hurt, others, calls) => {
          const beside = others.map((one, i) => policy(`p${i}`, one));
          const { denies, rejections } = agentWith([hurt.object, ...beside]);
          const errors = rejections.filter((one) => isOfHurt(one) && one.severity === 'ERROR');
          // Another policy that can be read is no concern of this test, nor a namespace in which no pod can be, nor a DENY
          // without rules, which is read and denies nothing.
          if (errors.some(({ message }) => /denies nothing/.test(message))) return;
          if (errors.length === 0 || ['namespace', 'metadata'].includes(hurt.place.at(-1) ?? '')) return;
          refused++;
          for (const one of calls)
            if (verdictOf([hurt.whole, ...others].filter(applies), one) === 'MUST')
              assert.ok(denies(one), `let in ${JSON.stringify(one)}`);
        },
      ),
      { numRuns: 2000 },
    );
    assert.ok(refused > 500, `only ${refused} were refused`);
  });

  const anybody: Call = { identity: undefined, address: '10.0.0.9', port: 80 };
  const everything = { action: 'ALLOW', rules: [{}] };
  const open = { action: 'ALLOW' as const, selector: { matchLabels: { app: 'cart' } } };
  const table: Record<string, [object, boolean]> = {
    'an ALLOW with an empty from': [policy('x', { ...open, rules: [{ from: [] }] }), true],
    'an ALLOW with a later field': [
      policy('x', { ...open, rules: [{ from: [{ source: { zones: ['a'] } }] }] }),
      true,
    ],
    'an ALLOW that selects another workload': [
      policy('x', { action: 'ALLOW', selector: { matchLabels: { app: 'else' } }, rules: [null] }),
      false,
    ],
    'an ALLOW whose selector cannot be read': [
      policy('x', { action: 'ALLOW', selector: 'app=else', rules: [{}] }),
      true,
    ],
    'an ALLOW with a selector of a kind that Istio has not': [
      policy('x', { action: 'ALLOW', selector: { matchExpressions: [] }, rules: [{}] }),
      true,
    ],
    'a label of a selector that cannot be read selects no less': [
      policy('x', { action: 'ALLOW', selector: { matchLabels: { app: 'cart', version: 2 } }, rules: [{}] }),
      true,
    ],
    'an action that is none': [policy('x', { action: 'DENYY', rules: [] }), true],
    'an action that is misspelt': [policy('x', { acton: 'DENY', rules: [{}] }), true],
    'a spec that is misspelt': [{ ...policy('x', undefined), sepc: { action: 'DENY', rules: [{}] } }, true],
    'rules that are misspelt': [policy('x', { action: 'DENY', ruls: [{}] }), true],
    'a name that cannot be read': [policy('x', { rules: [{ from: [] }] }, { name: ['x'] }), true],
    'labels that cannot be read': [policy('x', { action: 'DENY', rules: [{}] }, { labels: { a: 1 } }), true],
    'a later version of the API': [
      { ...policy('x', { action: 'DENY', rules: [{}] }), apiVersion: 'security.istio.io/v9' },
      true,
    ],
    'a dry run that is none, as it is not text': [
      policy('x', { action: 'DENY', rules: [{}] }, { annotations: { 'istio.io/dry-run': true } }),
      true,
    ],
    'a dry run denies nothing, refused or not': [
      policy('x', { action: 'DENY', ruls: [] }, { annotations: { 'istio.io/dry-run': 'true' } }),
      false,
    ],
    'a selector beside a target': [
      policy('x', {
        action: 'DENY',
        rules: [{}],
        selector: {},
        targetRefs: [{ kind: 'Service', name: 'a' }],
      }),
      true,
    ],
    'a target that cannot be read': [policy('x', { action: 'DENY', rules: [{}], targetRefs: [{}] }), true],
    'a policy of a target stays with its waypoint': [
      policy('x', { action: 'DENY', ruls: [], targetRefs: [{ kind: 'Service', name: 'a' }] }),
      false,
    ],
    'AUDIT denies nothing': [policy('x', { action: 'AUDIT', ruls: [] }), false],
    'a DENY without rules denies nothing': [policy('x', { action: 'DENY', rules: [] }), false],
    'of another namespace': [policy('x', { action: 'DENY', ruls: [] }, { namespace: 'bank' }), false],
    'of the root namespace': [policy('x', { action: 'DENY', ruls: [] }, { namespace: 'istio-system' }), true],
  };
  for (const [name, [object, closes]] of Object.entries(table))
    it(`${name}: ${closes ? 'closes' : 'closes nothing'}`, () => {
      // An ALLOW of everything beside it, unless it is an ALLOW itself, shows a DENY.
      const isAllow = JSON.stringify(object).includes('"ALLOW"') || name.includes('a name');
      const { denies, rejections } = agentWith([object, ...(isAllow ? [] : [policy('all', everything)])]);
      assert.equal(denies(anybody), closes);
      const codes = rejections.map(({ code }) => code);
      assert.equal(codes.includes('REFUSED_POLICY_CLOSES'), closes || /another/.test(name), codes.join());
      assert.ok(rejections.some(({ severity }) => severity === 'ERROR'));
    });
});

describe('a PeerAuthentication of which a part cannot be read', () => {
  const peers = (written: unknown, name = 'x') => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name, namespace: 'shop' },
    spec: written,
  });
  const table: Record<string, [object, boolean]> = {
    'a mode that is none': [{ mtls: { mode: 'STRCT' } }, true],
    'a field that is misspelt': [{ mtsl: { mode: 'STRICT' } }, true],
    'a mode of a port': [
      { selector: { matchLabels: { app: 'cart' } }, portLevelMtls: { 80: { mode: 1 } } },
      true,
    ],
    'a port that is a name': [
      { selector: { matchLabels: { app: 'cart' } }, portLevelMtls: { http: {} } },
      true,
    ],
    'modes of ports without a selector': [{ portLevelMtls: { 80: { mode: 'STRICT' } } }, true],
    'a selector': [{ selector: { matchLabels: ['app'] } }, true],
    'that selects another workload': [{ selector: { matchLabels: { app: 'else' } }, mtls: 1 }, false],
  };
  for (const [name, [written, strict]] of Object.entries(table))
    it(`${name}: ${strict ? 'STRICT' : 'nothing'}`, () => {
      const { denies, rejections } = agentWith([peers(written)]);
      const plaintext: Call = { identity: undefined, address: '10.0.0.9', port: 80 };
      assert.equal(denies(plaintext), strict);
      assert.ok(rejections.some(({ code }) => code === 'REFUSED_POLICY_CLOSES'));
    });
});
