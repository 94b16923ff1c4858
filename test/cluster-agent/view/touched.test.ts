import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { podKey, serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import { formatTouched, type Touched, type TouchedKind } from '@isthmus/cluster-agent/keys/touched.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { keysOf } from '@isthmus/cluster-agent/view/service-entries.ts';
import { ownKeyOf } from '@isthmus/cluster-agent/view/own-key.ts';
import type { SourceEvent } from '@isthmus/cluster-agent/view/source-event.ts';
import { someBatch } from '../../fakes/random-objects.ts';
import { membersOf } from '../../fakes/whole/members.ts';
import { WholeView } from '../../fakes/whole/view.ts';

/** What the view answers, as text by the key that has to be touched when it is another answer. */
type Answers = ReadonlyMap<string, string>;

const kinds = [
  ...(['Pod', 'Node', 'Namespace', 'Service', 'EndpointSlice', 'AuthorizationPolicy'] as const),
  ...(['ServiceExport', 'Gateway', 'GatewayClass', 'WorkloadEntry', 'ServiceEntry'] as const),
] as const;

/** Maps as lists of their entries. */
const textOf = (answer: unknown): string =>
  JSON.stringify(answer, (_key, value: unknown) => (value instanceof Map ? [...value] : value));

/** What objects say. PeerAuthentications of a namespace are one answer. */
function objectsIn(view: ClusterView): Answers {
  const answers = new Map<string, string>();
  const add = (key: Touched, answer: unknown) => {
    const text = formatTouched(key);
    answers.set(text, (answers.get(text) ?? '') + textOf(answer));
  };
  for (const kind of kinds)
    for (const object of view.all(kind)) {
      const own = ownKeyOf(object);
      if (own) add(own, object);
    }
  for (const object of view.all('PeerAuthentication')) {
    const own = ownKeyOf(object);
    if (own) add(own, object);
  }
  if (view.synced) add({ kind: 'synced' }, true);
  add({ kind: 'rejections' }, [...view.rejections]);
  for (const origin of view.rejections.origins())
    add({ kind: 'rejected', origin }, view.rejections.of(origin));
  return answers;
}

/** What indexes say. */
function indexesOf(view: ClusterView): Answers {
  const answers = new Map<string, string>();
  const add = (key: Touched, answer: unknown) => answers.set(formatTouched(key), JSON.stringify(answer));
  const nodes = new Set<string>();
  for (const pod of view.pods()) {
    nodes.add(pod.nodeName);
    if (view.isGateway(pod)) add({ kind: 'gateway', pod: podKey(pod.metadata) }, true);
  }
  for (const node of nodes)
    if (view.nodeProxies(node).length > 0) add({ kind: 'nodeProxies', node }, view.nodeProxies(node));
  const whole = new WholeView(kinds.flatMap((kind) => [...view.all(kind)]));
  for (const service of view.all('Service')) {
    const key = serviceKeyOf(service.metadata);
    for (const { pod } of membersOf(whole, service))
      add({ kind: 'members', service: key, pod: podKey(pod.metadata) }, [
        reachOf(pod),
        // Whether it is ready is in its endpoints; whether that matters the service says, which is a key of its own.
        view
          .slicesOf(service)
          .map(({ ports, endpoints }) => [ports, endpoints.filter((one) => one.pod === podKey(pod.metadata))])
          .filter(([, found]) => found!.length > 0),
      ]);
    const others = view
      .slicesOf(service)
      .map(({ ports, endpoints }) => [ports, endpoints.filter(({ pod }) => pod === '')])
      .filter(([, found]) => found!.length > 0);
    const addresses = view.clusterIPsOf(service);
    if (addresses.length > 0) add({ kind: 'addresses', service: key }, addresses);
    if (others.length > 0) add({ kind: 'members', service: key, pod: undefined }, others);
  }
  for (const entry of view.all('ServiceEntry'))
    for (const service of keysOf(entry)) {
      const answer = view.serviceEntries.at(service);
      if (answer) add({ kind: 'entryHost', service }, answer);
    }
  add(
    { kind: 'network' },
    view.namespace('istio-system')?.metadata.labels['topology.istio.io/network'] ?? '',
  );
  add({ kind: 'clientPlace' }, [view.firstNode?.region, view.firstNode?.zone]);
  add({ kind: 'podCount' }, view.podCount);
  return answers;
}

const reachOf = ({ podIP, otherIPs, ports }: PodObject) => [podIP, otherIPs, ports];

const differing = (before: Answers, after: Answers): Set<string> =>
  new Set([...before.keys(), ...after.keys()].filter((key) => before.get(key) !== after.get(key)));

const textsOf = (changes: ChangeSet): Set<string> => new Set([...changes].map(formatTouched));

/** Applies batches one after another, with the answers before and after each. */
function along(
  all: readonly (readonly SourceEvent[])[],
  answersOf: (view: ClusterView) => Answers,
  check: (touched: Set<string>, differ: Set<string>, changes: ChangeSet) => void,
): void {
  const view = new ClusterView();
  for (const batch of all) {
    const before = answersOf(view);
    const changes = view.apply(batch);
    check(textsOf(changes), differing(before, answersOf(view)), changes);
  }
}

const ownKinds = new Set<TouchedKind>([
  'pod',
  'node',
  'namespace',
  'service',
  'slice',
  'authorization',
  'peers',
  'serviceExport',
  'gatewayObject',
  'workloadEntry',
  'serviceEntry',
  'gatewayClass',
  'rejections',
  'rejected',
  'synced',
]);
const kindOf = (text: string): TouchedKind => text.split(' ')[0] as TouchedKind;

describe('what a batch of the cluster’s objects touches', () => {
  const several = fc.array(someBatch(), { minLength: 1, maxLength: 10 });
  const single = fc.array(someBatch(1), { minLength: 1, maxLength: 40 });

  it('is each object that is another one, and no other object', () =>
    fc.assert(
      fc.property(several, (all) =>
        along(all, objectsIn, (touched, differ) => {
          const own = new Set([...touched].filter((text) => ownKinds.has(kindOf(text))));
          assert.deepEqual([...own].sort(), [...differ].sort());
        }),
      ),
    ));

  it('is each answer of an index that is another one', () =>
    fc.assert(
      fc.property(several, (all) =>
        along(all, indexesOf, (touched, differ) => {
          for (const key of differ) assert.ok(touched.has(key), `${key} is not touched`);
        }),
      ),
      { numRuns: 300 },
    ));

  it('is not an answer of an index that is the same, when one object changes', () =>
    fc.assert(
      fc.property(single, (all) =>
        along(all, indexesOf, (touched, differ) => {
          for (const key of touched)
            assert.ok(ownKinds.has(kindOf(key)) || differ.has(key), `${key} is touched and is the same`);
        }),
      ),
      { numRuns: 300 },
    ));

  it('has the form that an object had before and the one that it has now', () =>
    fc.assert(
      fc.property(someBatch(), someBatch(), (first, second) => {
        const view = new ClusterView();
        view.apply(first);
        const before = new Map([...view.all('Pod')].map((one) => [podKey(one.metadata), one]));
        const changes = view.apply(second);
        const after = new Map([...view.all('Pod')].map((one) => [podKey(one.metadata), one]));
        for (const key of changes)
          if (key.kind === 'pod')
            assert.deepEqual(
              changes.formsOf(key),
              [before.get(key.pod), after.get(key.pod)].filter((one) => one !== undefined),
            );
      }),
    ));

  it('is nothing for what comes and goes in one batch, or comes again as it is', () =>
    fc.assert(
      fc.property(someBatch(), (batch) => {
        const view = new ClusterView();
        const gone = batch.flatMap((event): SourceEvent[] =>
          event.type === 'upsert' ? [event, { type: 'remove', id: event.id }] : [],
        );
        assert.equal(view.apply(gone).size, 0);
        view.apply(batch);
        assert.equal(view.apply(structuredClone(batch)).size, 0);
      }),
    ));
});
