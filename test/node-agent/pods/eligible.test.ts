import { deepEqual, match } from 'node:assert/strict';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { decodeObject } from '@isthmus/api/kubernetes/decode.ts';
import { eligibilityOf } from '@isthmus/node-agent/pods/eligible.ts';

interface Written {
  readonly pod?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly namespace?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly phase?: string;
  readonly in?: string;
}

function pod({
  pod: labels,
  annotations,
  spec,
  phase = 'Running',
  in: namespace = 'shop',
}: Written): PodObject {
  const decoded = decodeObject({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'cart', namespace, labels, annotations },
    spec: { containers: [{ name: 'app' }], ...spec },
    status: { phase },
  });
  if (!decoded.ok || decoded.value.kind !== 'object' || decoded.value.object.kind !== 'Pod')
    throw new Error('no pod');
  return decoded.value.object;
}

const mode = (value: string) => ({ 'istio.io/dataplane-mode': value });
const ambient = mode('ambient');
const judge = (written: Written) =>
  eligibilityOf(pod(written), {
    namespaceLabels: written.namespace ?? {},
    ownNamespace: 'isthmus-system',
    dns: true,
  });

describe('whether a pod is to be captured', () => {
  const table: readonly (readonly [string, Written, true | undefined | RegExp])[] = [
    ['no label', {}, undefined],
    ['the label of its namespace', { namespace: ambient }, true],
    ['its own label', { pod: ambient }, true],
    ['both labels', { pod: ambient, namespace: ambient }, true],
    ['none of its own in a namespace with the label', { pod: mode('none'), namespace: ambient }, undefined],
    ['another mode of its own in a namespace with the label', { pod: mode('x'), namespace: ambient }, true],
    ['another mode of its namespace', { namespace: mode('none') }, undefined],
    ['its own label in a namespace with none', { pod: ambient, namespace: mode('none') }, true],
    ['the network of its node', { namespace: ambient, spec: { hostNetwork: true } }, /network of its node/],
    ['the network of its node and no label', { spec: { hostNetwork: true } }, undefined],
    ['a sidecar', { namespace: ambient, annotations: { 'sidecar.istio.io/status': '{}' } }, /sidecar/],
    [
      'the injection of a sidecar that has not been',
      { namespace: { ...ambient, 'istio-injection': 'enabled' } },
      true,
    ],
    ['all its containers ended', { namespace: ambient, phase: 'Succeeded' }, undefined],
    ['a container that failed for good', { namespace: ambient, phase: 'Failed' }, undefined],
    ['yet to start', { namespace: ambient, phase: 'Pending' }, true],
    ['the namespace of the mesh', { namespace: ambient, in: 'isthmus-system' }, /isthmus-system/],
    [
      'an annotation that is no boolean',
      { pod: ambient, annotations: { 'ambient.istio.io/dns-capture': 'on' } },
      /dns-capture/,
    ],
  ];
  for (const [what, written, expected] of table)
    it(`with ${what}: ${expected === true ? 'yes' : expected === undefined ? 'no' : 'no, and it says why'}`, () => {
      const eligibility = judge(written);
      if (eligibility.capture) deepEqual(expected, true);
      else if (expected instanceof RegExp) match(eligibility.why ?? '', expected);
      else deepEqual([eligibility.why, expected], [undefined, undefined]);
    });
});
