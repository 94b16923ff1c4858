import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { isHealthy, type Verdict } from '../health/judge.ts';
import type { Surroundings } from '../health/surroundings.ts';
import type { Judged } from '../health/tracker.ts';
import { equals } from '../keys/equals.ts';
import { podKey, podUid, type PodKey } from '../keys/names.ts';
import type { Derivation } from './derivation.ts';
import { identityOf } from './identity.ts';
import { partOf, podKeys } from './part.ts';
import type { World } from './world.ts';

/** Whether a pod is healthy. What proxies prove is read through the facts, which note for each pod what they read. */
export const verdict: Derivation<PodKey, Judged, Judged> = {
  name: 'verdict',
  reads: new Set(['pod', 'part', 'node', 'nodeProxies', 'stream', 'acknowledged', 'certificate', 'hub']),
  keys: ({ view }) => view.podKeys(),
  wakes(touched, _forms, { view, facts }) {
    switch (touched.kind) {
      case 'pod':
      case 'part':
        return [touched.pod];
      case 'node':
      case 'nodeProxies':
        return podKeys(view.podsOn(touched.node));
      default:
        return facts.health.restingOn(touched);
    }
  },
  inputs(key, world) {
    const pod = world.view.podNamed(key);
    const found = world.derived.part(key);
    if (!pod || !found) return undefined;
    const { uncaptured } = found;
    const verdict = world.facts.health.judge(pod, surroundings(world));
    return { pod, part: partOf(found), uncaptured, verdict };
  },
  derive: (judged) => judged,
  touches(pod, { before, after }) {
    if (equals(before?.verdict, after?.verdict)) return [];
    const verdict = { kind: 'verdict', pod } as const;
    return isServedAlike(before?.verdict, after?.verdict) ? [verdict] : [verdict, { kind: 'serving', pod }];
  },
};

/** What is derived of a verdict is the same: a proxy that connects has another cause for each of its pods at every step. */
const isServedAlike = (one: Verdict | undefined, other: Verdict | undefined): boolean =>
  one !== undefined &&
  other !== undefined &&
  isHealthy(one) === isHealthy(other) &&
  one.provenBy === other.provenBy;

const surroundings = ({ view, facts, derived }: World): Surroundings => {
  const partAt = (pod: PodObject) => derived.part(podKey(pod.metadata));
  return {
    hasNode: (name) => view.get('Node', '', name) !== undefined,
    nodeProxies: (node) => view.nodeProxies(node),
    part(pod) {
      const found = partAt(pod);
      return found ? partOf(found) : 'NONE';
    },
    unknownMode: (pod) => partAt(pod)?.unknown,
    identity: (pod) => identityOf(facts.trustDomain, pod),
    workloadUid: (pod) => podUid(facts.cluster, pod),
  };
};
