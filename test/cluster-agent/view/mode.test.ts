import assert from 'node:assert/strict';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { modeOf } from '@isthmus/cluster-agent/view/mode.ts';
import { viewOf } from '../../fakes/cluster.ts';

interface Written {
  readonly namespace?: string;
  readonly labels?: string;
  readonly annotations?: string;
  readonly spec?: string;
  readonly name?: string;
}

const mode = ({ namespace = '', labels = '', annotations = '', spec = '', name = 'shop' }: Written) => {
  const view = viewOf(`
apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { ${namespace} } }
---
apiVersion: v1
kind: Pod
metadata: { name: p, namespace: ${name}, labels: { ${labels} }, annotations: { ${annotations} } }
spec: { ${spec} containers: [{}] }
`);
  const [pod] = view.pods() as [PodObject];
  return modeOf(view, pod);
};

const enabled = 'istio-injection: enabled';
const disabled = 'istio-injection: disabled';
const stable = 'istio.io/rev: stable';
const yes = 'sidecar.istio.io/inject: "true"';
const no = 'sidecar.istio.io/inject: "false"';
const ambient = 'istio.io/dataplane-mode: ambient';
const none = 'istio.io/dataplane-mode: none';

/** Expected as the webhook's selectors and injectRequired have it, and istio-cni's selectors. */
describe('how a pod takes part in the mesh', () => {
  const table: Record<string, [Written, string]> = {
    'no label': [{}, 'NONE'],
    'injection in the namespace': [{ namespace: enabled }, 'SIDECAR'],
    'injection, left by the pod’s label': [{ namespace: enabled, labels: no }, 'NONE'],
    'injection, left by the pod’s annotation': [{ namespace: enabled, annotations: no }, 'NONE'],
    'injection, the label before the annotation': [
      { namespace: enabled, labels: yes, annotations: no },
      'SIDECAR',
    ],
    'injection, an empty label before the annotation': [
      { namespace: enabled, labels: 'sidecar.istio.io/inject: ""', annotations: no },
      'SIDECAR',
    ],
    'injection, a word that is neither': [
      { namespace: enabled, labels: 'sidecar.istio.io/inject: "no"' },
      'SIDECAR',
    ],
    'injection disabled': [{ namespace: disabled }, 'NONE'],
    'injection disabled, the pod’s own word does not count': [{ namespace: disabled, labels: yes }, 'NONE'],
    'injection disabled goes before a revision': [{ namespace: `${disabled}, ${stable}` }, 'NONE'],
    'injection enabled goes before a revision': [{ namespace: `${enabled}, ${stable}` }, 'SIDECAR'],
    'a revision of the namespace': [{ namespace: stable }, 'SIDECAR'],
    'a revision of the namespace, left by the pod': [{ namespace: stable, labels: no }, 'NONE'],
    'a revision of the namespace, left by an annotation': [{ namespace: stable, annotations: no }, 'NONE'],
    'a revision of the pod': [{ labels: stable }, 'SIDECAR'],
    'a revision of the pod, left by its annotation': [{ labels: stable, annotations: no }, 'NONE'],
    'a revision of the pod where injection is disabled': [{ namespace: disabled, labels: stable }, 'NONE'],
    'the pod’s own label': [{ labels: yes }, 'SIDECAR'],
    'the pod’s own annotation calls no webhook': [{ annotations: yes }, 'NONE'],
    'a namespace of the system': [{ name: 'kube-system', namespace: enabled, labels: yes }, 'NONE'],
    'the network of the host': [{ namespace: enabled, labels: yes, spec: 'hostNetwork: true,' }, 'NONE'],
    'the injector’s mark': [{ annotations: 'sidecar.istio.io/status: "{}"' }, 'SIDECAR'],
    'ambient by the namespace': [{ namespace: ambient }, 'AMBIENT'],
    'ambient by the namespace, left by the pod': [{ namespace: ambient, labels: none }, 'NONE'],
    'ambient by the namespace, a word of the pod that is none': [
      { namespace: ambient, labels: 'istio.io/dataplane-mode: ambeint' },
      'AMBIENT',
    ],
    'ambient by the pod': [{ labels: ambient }, 'AMBIENT'],
    'ambient by the pod alone': [{ namespace: none, labels: ambient }, 'AMBIENT'],
    'ambient and injected': [{ namespace: `${ambient}, ${enabled}` }, 'SIDECAR'],
    'ambient, in the network of the host': [{ namespace: ambient, spec: 'hostNetwork: true,' }, 'NONE'],
  };
  for (const [name, [written, expected]] of Object.entries(table))
    it(`${name}: ${expected}`, () => assert.equal(mode(written), expected));
});
