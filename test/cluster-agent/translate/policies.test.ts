import assert from 'node:assert/strict';
import { podKey } from '@isthmus/cluster-agent/keys/names.ts';
import { modeOf } from '@isthmus/cluster-agent/view/mode.ts';
import { inputOf, outputsOf } from '../../fakes/cluster.ts';

const pod = (labels = 'app: cart', spec = 'containers: [{}]', namespace = 'shop') => `
apiVersion: v1
kind: Pod
metadata: { name: p, namespace: ${namespace}, labels: { ${labels} } }
spec: { ${spec} }
`;
const namespace = (labels: string) => `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { ${labels} } }
`;
const policy = (name: string, where: string, spec: string) => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: ${where} }
spec: { ${spec} }
`;
const join = (...parts: string[]) => parts.join('---');
const thePod = (text: string, where = 'shop') => {
  const input = inputOf(text);
  const found = input.view.get('Pod', where, 'p');
  assert.ok(found);
  return { input, pod: found };
};

describe('the mode of a pod', () => {
  const table: Record<string, [string, string]> = {
    'in an ambient namespace': [join(namespace('istio.io/dataplane-mode: ambient'), pod()), 'AMBIENT'],
    'that leaves ambient mode': [
      join(namespace('istio.io/dataplane-mode: ambient'), pod('istio.io/dataplane-mode: none')),
      'NONE',
    ],
    'that joins by itself': [join(namespace('a: b'), pod('istio.io/dataplane-mode: ambient')), 'AMBIENT'],
    'in a namespace with injection': [join(namespace('istio-injection: enabled'), pod()), 'SIDECAR'],
    'that is not injected': [
      join(namespace('istio-injection: enabled'), pod("sidecar.istio.io/inject: 'false'")),
      'NONE',
    ],
    'with a sidecar in an ambient namespace': [
      join(namespace('istio.io/dataplane-mode: ambient'), pod("sidecar.istio.io/inject: 'true'")),
      'SIDECAR',
    ],
    "of the host's network": [
      join(
        namespace('istio.io/dataplane-mode: ambient'),
        pod('app: cart', 'hostNetwork: true, containers: [{}]'),
      ),
      'NONE',
    ],
    'in a namespace that nobody declared': [pod(), 'NONE'],
  };
  for (const [name, [text, mode]] of Object.entries(table))
    it(`${name}: ${mode}`, () => {
      const { input, pod: found } = thePod(text);
      assert.equal(modeOf(input.view, found), mode);
    });
});

describe('policies', () => {
  const deny = 'action: DENY, rules: [{}]';
  const selects = (app: string) => `selector: { matchLabels: { app: ${app} } }`;
  const table: Record<string, [string, { scope: string; named: boolean } | undefined]> = {
    'of the namespace': [policy('x', 'shop', deny), { scope: 'NAMESPACE', named: false }],
    'of the mesh': [policy('x', 'istio-system', deny), { scope: 'GLOBAL', named: false }],
    'that select the pod': [
      policy('x', 'shop', `${deny}, ${selects('cart')}`),
      { scope: 'WORKLOAD_SELECTOR', named: true },
    ],
    'that select another': [
      policy('x', 'shop', `${deny}, ${selects('else')}`),
      { scope: 'WORKLOAD_SELECTOR', named: false },
    ],
    'of the root namespace that select in all': [
      policy('x', 'istio-system', `${deny}, ${selects('cart')}`),
      { scope: 'WORKLOAD_SELECTOR', named: true },
    ],
    'of another namespace that would select': [
      policy('x', 'bank', `${deny}, ${selects('cart')}`),
      { scope: 'WORKLOAD_SELECTOR', named: false },
    ],
    'with a target': [policy('x', 'shop', `${deny}, targetRefs: [{ kind: Service, name: a }]`), undefined],
    'to audit': [policy('x', 'shop', 'action: AUDIT, rules: [{}]'), undefined],
  };
  for (const [name, [text, expected]] of Object.entries(table))
    it(name, () => {
      const { input, pod: found } = thePod(join(pod(), text));
      const { snapshot, policies } = outputsOf(input);
      const [authorization] = snapshot.authorizations.values();
      assert.equal(authorization?.scope, expected?.scope);
      assert.equal((policies(podKey(found.metadata))?.keys ?? []).length > 0, expected?.named ?? false);
    });
});
