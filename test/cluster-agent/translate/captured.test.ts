import assert from 'node:assert/strict';
import { answerWorkloads } from '@isthmus/cluster-agent/answers/workloads-answer.ts';
import { podKey } from '@isthmus/cluster-agent/keys/names.ts';
import type { CaptureProof } from '@isthmus/cluster-agent/translate/world.ts';
import { derivedFrom, inputOf, pipelineOf, provenWhenReady } from '../../fakes/cluster.ts';

const cluster = (annotations: string, labels = '{}') => `apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio.io/dataplane-mode: ambient } }
---
apiVersion: v1
kind: Pod
metadata: { name: cart, namespace: shop, uid: u, labels: ${labels}, annotations: ${annotations} }
spec: { nodeName: n1, containers: [{ name: c }] }
status: { podIP: 10.0.0.1, conditions: [{ type: Ready, status: 'True' }] }
`;

describe('an ambient pod where a node agent captures', () => {
  const inputFrom = (text: string, capture: CaptureProof = 'ANNOTATION') =>
    derivedFrom({ ...inputOf(text), health: provenWhenReady, capture });
  const transportOf = (text: string, capture?: CaptureProof) => {
    const { outputs } = pipelineOf(inputFrom(text, capture));
    return outputs.snapshot.workloads.get('east//Pod/shop/cart')?.transport;
  };
  const shownOf = (text: string) => {
    const input = inputFrom(text);
    const question = { kind: 'workloads' as const, namespace: '', labels: {}, first: 10, after: '' };
    const [one] = answerWorkloads(input, input.derived.snapshot, question).workloads;
    return [one?.mode, one?.health?.healthy, one?.health?.reason, one?.health?.message];
  };

  it('is reached by HBONE once it says that the pod is captured, and in plaintext before', () => {
    assert.equal(transportOf(cluster('{}')), 'plaintext');
    assert.equal(transportOf(cluster('{ ambient.istio.io/redirection: enabled }')), 'hbone');
  });

  it('is reached by HBONE where its label says that it takes it itself', () => {
    assert.equal(transportOf(cluster('{}', '{ networking.istio.io/tunnel: http }')), 'hbone');
  });

  it('needs no annotation where its proxy captures it', () => {
    assert.equal(transportOf(cluster('{}'), 'PROXY'), 'hbone');
  });

  it('is shown as outside of the mesh while it is not captured, with what the node agent says', () => {
    assert.deepEqual(shownOf(cluster("{ isthmus.io/not-captured: 'iptables is missing' }")), [
      'NONE',
      true,
      'NOT_CAPTURED',
      'its labels put it into the mesh, and its traffic is not captured: iptables is missing',
    ]);
    assert.deepEqual(shownOf(cluster('{ ambient.istio.io/redirection: enabled }')), [
      'AMBIENT',
      true,
      '',
      '',
    ]);
  });

  it('is judged with why it is not captured, so that no policy counts as enforced there', () => {
    const judged = (text: string) => {
      const input = inputFrom(text);
      const [pod] = input.view.pods();
      return pod && input.derived.judged(podKey(pod.metadata));
    };
    assert.equal(judged(cluster('{}'))?.uncaptured, '');
    assert.equal(judged(cluster('{ ambient.istio.io/redirection: enabled }'))?.uncaptured, undefined);
  });
});
