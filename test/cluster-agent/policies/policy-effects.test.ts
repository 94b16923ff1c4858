import assert from 'node:assert/strict';
import { readManifests } from '@isthmus/cluster-agent/source/files/read-file.ts';
import { PolicyEffects } from '@isthmus/cluster-agent/policies/policy-effects.ts';
import { namespaceEffects } from '@isthmus/cluster-agent/policies/effects.ts';
import { viewOf } from '../../fakes/cluster.ts';

const namespace = (name: string, labels = 'istio.io/dataplane-mode: ambient') => `
apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { ${labels} } }
`;
const pod = (name: string, labels = 'app: cart', where = 'shop') => `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${where}, labels: { ${labels} } }
spec: { containers: [{ name: c }] }
`;
const object =
  (kind: string) =>
  (name: string, spec: string, where = 'shop', created = '') => `
apiVersion: security.istio.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${where}${created && `, creationTimestamp: ${created}`} }
spec: { ${spec} }
`;
const policy = object('AuthorizationPolicy');
const peer = object('PeerAuthentication');
const selects = (...labels: string[]) => `selector: { matchLabels: { ${labels.join(', ')} } }`;
const cart = selects('app: cart');
const strict = 'mtls: { mode: STRICT }';
const ports = "action: DENY, rules: [{ to: [{ operation: { ports: ['80'] } }] }]";
const [older, younger] = ["'2024-01-01T00:00:00Z'", "'2025-01-01T00:00:00Z'"];

const shop = [namespace('shop'), pod('cart-1')];
const conditionsOf = (...parts: string[]) =>
  new PolicyEffects().conditions(viewOf([...shop, ...parts].join('---')).namespaces());
const effectsOf = (...parts: string[]) =>
  conditionsOf(...parts).map(({ reason, severity, object: whose }) => `${severity} ${reason} ${whose}`);

describe('a security policy of a cluster that has no effect is a condition', () => {
  const whose = 'AuthorizationPolicy shop/x';
  const peers = 'PeerAuthentication shop/x';
  const table: Record<string, { yaml: string[]; expected: string[]; says?: RegExp }> = {
    'not one that has an effect': {
      yaml: [policy('x', `${cart}, ${ports}`), peer('y', strict)],
      expected: [],
    },
    'a selector that no workload meets': {
      yaml: [policy('x', `${selects('app: carrt')}, ${ports}`)],
      expected: [`WARNING SELECTS_NOTHING ${whose}`],
      says: /no workload of the namespace shop has the label app=carrt: .* until one has/,
    },
    'a selector of which one label is met and the other is not': {
      yaml: [policy('x', `${selects('app: cart', 'tier: front')}, ${ports}`)],
      expected: [`WARNING SELECTS_NOTHING ${whose}`],
      says: /has the labels app=cart, tier=front/,
    },
    'a misspelt namespace': {
      yaml: [policy('x', ports, 'shoop')],
      expected: ['WARNING SELECTS_NOTHING AuthorizationPolicy shoop/x'],
      says: /the namespace shoop has no workload, and there is no Namespace shoop/,
    },
    'a rule for a namespace before its first workload, which is no warning': {
      yaml: [namespace('bank'), policy('x', ports, 'bank')],
      expected: ['INFO SELECTS_NOTHING AuthorizationPolicy bank/x'],
    },
    'a workload that has finished is none': {
      yaml: [
        pod('done', 'app: job').replace('spec:', 'status: { phase: Succeeded }\nspec:'),
        policy('x', `${selects('app: job')}, ${ports}`),
      ],
      expected: [`WARNING SELECTS_NOTHING ${whose}`],
    },
    'workloads that no proxy serves': {
      yaml: [
        namespace('bare', 'a: b'),
        pod('p', 'app: cart', 'bare'),
        policy('x', `${cart}, ${ports}`, 'bare'),
      ],
      expected: ['WARNING OUTSIDE_THE_MESH AuthorizationPolicy bare/x'],
      says: /the one workload that it selects is in no mesh mode: bare\/p/,
    },
    'a DENY of everything': {
      yaml: [policy('x', `${cart}, action: DENY, rules: [{}]`)],
      expected: [`WARNING DENIES_EVERYTHING ${whose}`],
      says: /the workload that it selects refuses everything/,
    },
    'a DENY of everything in a dry run, which denies nothing': {
      yaml: [
        policy('x', 'action: DENY, rules: [{}]').replace(
          'namespace: shop',
          "namespace: shop, annotations: { istio.io/dry-run: 'true' }",
        ),
      ],
      expected: [],
    },
    'a DENY without a rule that is enforced at L4': {
      yaml: [policy('x', "action: DENY, rules: [{ to: [{ operation: { paths: ['/admin'] } }] }]")],
      expected: [`WARNING DENIES_NOTHING ${whose}`],
    },
    'an ALLOW without rules, which refuses everything as is usual': {
      yaml: [policy('x', 'action: ALLOW')],
      expected: [],
    },
    'a policy of a waypoint, which is a rejection': {
      yaml: [policy('x', 'action: DENY, rules: [{}], targetRefs: [{ kind: Service, name: a }]')],
      expected: [],
    },
    'a policy of the mesh that selects a workload of any namespace': {
      yaml: [policy('x', `${cart}, ${ports}`, 'istio-system')],
      expected: [],
    },
    'a policy of the mesh that selects none of any namespace': {
      yaml: [policy('x', `${selects('app: carrt')}, ${ports}`, 'istio-system')],
      expected: ['WARNING SELECTS_NOTHING AuthorizationPolicy istio-system/x'],
      says: /no workload of the mesh has the label app=carrt/,
    },
    'a selector in the root namespace of a PeerAuthentication': {
      yaml: [peer('x', `${cart}, ${strict}`, 'istio-system')],
      expected: ['WARNING SELECTOR_IGNORED PeerAuthentication istio-system/x'],
      says: /selects nothing, as in Istio/,
    },
    'a PeerAuthentication without a mode': {
      yaml: [peer('x', cart)],
      expected: [`WARNING SAYS_NOTHING ${peers}`],
    },
    'a younger PeerAuthentication of a namespace': {
      yaml: [peer('x', strict, 'shop', younger), peer('y', strict, 'shop', older)],
      expected: [`WARNING SHADOWED ${peers}`],
      says: /it has no effect: where it applies holds shop\/y, which is older/,
    },
    'of two of one time, the second by name': {
      yaml: [peer('x', strict, 'shop', older), peer('a', strict, 'shop', older)],
      expected: [`WARNING SHADOWED ${peers}`],
      says: /holds shop\/a/,
    },
    'a younger PeerAuthentication of the mesh': {
      yaml: [peer('x', strict, 'istio-system', younger), peer('y', strict, 'istio-system', older)],
      expected: ['WARNING SHADOWED PeerAuthentication istio-system/x'],
    },
    'not one of a namespace beside one of the mesh, nor one of a workload beside either': {
      yaml: [peer('x', strict, 'istio-system'), peer('y', strict), peer('z', `${cart}, ${strict}`)],
      expected: [],
    },
    'a younger PeerAuthentication of all the workloads that another selects': {
      yaml: [
        peer('x', `${cart}, ${strict}`, 'shop', younger),
        peer('y', `${cart}, ${strict}`, 'shop', older),
      ],
      expected: [`WARNING SHADOWED ${peers}`],
      says: /it has no effect: where it applies holds shop\/y/,
    },
    'a younger PeerAuthentication of some of them': {
      yaml: [
        pod('cart-2', 'app: cart, tier: front'),
        peer('x', `${cart}, ${strict}`, 'shop', younger),
        peer('y', `${selects('tier: front')}, ${strict}`, 'shop', older),
      ],
      expected: [`WARNING SHADOWED ${peers}`],
      says: /for 1 of the 2 workloads that it selects it has no effect: there holds shop\/y/,
    },
  };
  for (const [what, { yaml, expected, says }] of Object.entries(table))
    it(what, () => {
      assert.deepEqual(effectsOf(...yaml), expected);
      if (says) assert.match(conditionsOf(...yaml)[0]?.message ?? '', says);
    });

  for (const [count, shown, more] of [
    [9, 9, undefined],
    [10, 10, undefined],
    [11, 10, 1],
  ] as const)
    it(`of ${count} of one reason ${shown} are named and the rest are counted`, () => {
      const all = conditionsOf(...Array.from({ length: count }, (_, i) => peer(`p${i}`, cart)));
      const named = all.filter((one) => one.object !== '');
      assert.equal(named.length, shown);
      const [rest] = all.filter((one) => one.object === '');
      assert.equal(rest?.message.includes(`${more} more policies: PeerAuthentication shop/p9`), more && true);
    });
});

describe('the conditions of policies cost what has changed', () => {
  const upsert = (text: string) =>
    [...readManifests(text, 'test.yaml').objects].map(([id, { object: one }]) => ({
      type: 'upsert' as const,
      id,
      object: one,
    }));

  it('a change of one namespace leaves what is known of the others, and no change is the same list', () => {
    const view = viewOf([...shop, namespace('bank'), peer('x', cart, 'bank')].join('---'));
    const effects = new PolicyEffects();
    const first = effects.conditions(view.namespaces());
    assert.equal(effects.conditions(view.namespaces()), first);
    const [bank] = view.namespaces().filter(({ name }) => name === 'bank');
    view.apply(upsert(pod('cart-2')));
    assert.ok(view.namespaces().includes(bank!), 'the other namespace is the same object');
    assert.deepEqual(effects.conditions(view.namespaces()), first);
  });

  it('the first workload that is selected and the last one that goes change them', () => {
    const view = viewOf([...shop, policy('x', `${selects('app: orders')}, ${ports}`)].join('---'));
    const effects = new PolicyEffects();
    const reasons = () => effects.conditions(view.namespaces()).map(({ reason }) => reason);
    assert.deepEqual(reasons(), ['SELECTS_NOTHING']);
    view.apply(upsert(pod('orders-1', 'app: orders')));
    assert.deepEqual(reasons(), []);
    view.apply([{ type: 'remove', id: 'Pod/shop/orders-1' }]);
    assert.deepEqual(reasons(), ['SELECTS_NOTHING']);
    view.apply([{ type: 'remove', id: 'AuthorizationPolicy/shop/x' }]);
    assert.deepEqual(reasons(), []);
  });

  it('a policy of the mesh is looked at again in a namespace that changes', () => {
    const view = viewOf(
      [...shop, policy('x', `${selects('app: orders')}, ${ports}`, 'istio-system')].join('---'),
    );
    const effects = new PolicyEffects();
    assert.equal(effects.conditions(view.namespaces()).length, 1);
    view.apply(upsert([namespace('bank'), pod('o', 'app: orders', 'bank')].join('---')));
    assert.deepEqual(effects.conditions(view.namespaces()), []);
  });

  it('of 20,000 pods only those with a label of the selector are looked at', () => {
    const view = viewOf([...shop, policy('x', `${selects('app: orders')}, ${ports}`)].join('---'));
    const [here] = view.namespaces().filter(({ name }) => name === 'shop');
    let looked = 0;
    const [model] = here!.pods;
    const pods = Array.from({ length: 20_000 }, (_, i) => ({
      ...model!,
      metadata: {
        ...model!.metadata,
        get namespace() {
          looked++;
          return 'shop';
        },
        labels: { app: i === 7 ? 'orders' : 'cart' },
      },
    }));
    const { own } = namespaceEffects({ ...here!, pods }, []);
    assert.equal(own[0]?.selection.selected, 1);
    assert.ok(looked < 10, `${looked} pods were looked at`);
  });
});
