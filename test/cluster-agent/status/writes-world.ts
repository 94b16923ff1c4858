import type { Resource } from '@isthmus/api/kube/api-server.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { agentAccess } from '@isthmus/cluster-agent/access.ts';
import { permitted } from '@isthmus/api/kube/access.ts';
import { PolicyCoverage } from '@isthmus/cluster-agent/coverage/policy-coverage.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { podKey, type ClientId } from '@isthmus/cluster-agent/keys/names.ts';
import { resourcesIn } from '@isthmus/cluster-agent/publish/delta.ts';
import type { Problem, Verdict } from '@isthmus/cluster-agent/health/judge.ts';
import { HeldObjects } from '@isthmus/cluster-agent/source/kubernetes/held-objects.ts';
import { OwnCoverage } from '@isthmus/cluster-agent/coverage/own-coverage.ts';
import { ClusterWrites } from '@isthmus/cluster-agent/status/cluster-writes.ts';
import { writtenKinds } from '@isthmus/cluster-agent/status/written-kinds.ts';
import { Pipeline } from '@isthmus/cluster-agent/translate/pipeline.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { emptyHubView, type HubView } from '@isthmus/cluster-agent/view/hub-view.ts';
import { modeOf } from '@isthmus/cluster-agent/view/mode.ts';
import { clientOf } from '@isthmus/cluster-agent/xds/proxy-client.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeApiServer } from '../../fakes/api-server/fake-api-server.ts';
import type { KeptObject } from '../../fakes/api-server/kept-object.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { provenWhenReady } from '../../fakes/cluster.ts';
import { HubFollower } from '../../fakes/hub-follower.ts';

const z1 = 'ztunnel/istio-system/z1' as ClientId;

const proxy = clientOf({ id: z1, node: 'n1', version: '', upstreamVersion: '', connectedSince: 0 })!;

const core = (kind: string, plural: string, isNamespaced = true): Resource => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  isNamespaced,
});

const kinds = {
  Namespace: core('Namespace', 'namespaces', false),
  Pod: core('Pod', 'pods'),
  Service: writtenKinds.Service.resource,
  AuthorizationPolicy: writtenKinds.AuthorizationPolicy.resource,
  PeerAuthentication: writtenKinds.PeerAuthentication.resource,
  ServiceExport: writtenKinds.ServiceExport.resource,
  ServiceImport: writtenKinds.ServiceImport.resource,
  Event: writtenKinds.Event.resource,
} as const;
export type KindName = keyof typeof kinds;

/** An object without its apiVersion and kind. */
export interface Plain {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/**
 * An API server in memory, an agent's view of it, what follows from that view, and what the agent writes back. One proxy
 * serves all pods of the mesh; it has acknowledged what `acknowledged` says.
 */
export class WritesWorld {
  readonly clock = new FakeClock();
  readonly api = new FakeApiServer(Object.values(kinds));
  readonly view = new ClusterView();
  readonly hub = new HubFollower();
  readonly coverage: OwnCoverage;
  readonly writes: ClusterWrites;
  leads = true;
  /** ALL: everything that is published. */
  acknowledged: Set<string> | 'ALL' = 'ALL';
  refused = '';
  /** What is known of the proxy's stream. CLOSING: it has ended, and the health of its pods still says that it is there. */
  stream: 'OPEN' | 'CLOSING' | 'LOST' | 'AWAY' = 'OPEN';
  readonly #held = new HeldObjects();
  readonly #pipeline: Pipeline;
  readonly #leadership: (() => void)[] = [];
  #hubView: HubView = emptyHubView;
  #isOpen = false;

  constructor() {
    this.api.serve('/apis/security.istio.io', { versions: [{ version: 'v1' }, { version: 'v1beta1' }] });
    this.api.serve('/apis/multicluster.x-k8s.io', { versions: [{ version: 'v1beta1' }] });
    const who = { cluster: 'east', trustDomain: defaultTrustDomain };
    const { view, hub, clock } = this;
    this.#pipeline = new Pipeline({
      view,
      hub,
      facts: {
        ...who,
        now: () => clock.now(),
        upstreamZtunnels: new Set(),
        capture: 'PROXY',
        shared: { reserved: () => ['240.0.0.7'] },
        health: { judge: (pod) => provenWhenReady.of(pod), restingOn: () => [], take: () => [] },
      },
    });
    const { outputs } = this.#pipeline;
    const publisher = () => ({
      isSettled: () => true,
      snapshot: this.#isOpen ? this.#pipeline.snapshot : undefined,
    });
    this.coverage = new OwnCoverage({
      world: { view, derived: outputs },
      policies: this.#coverage(),
      publisher,
      turn: (run) => run(),
      onDiffering: (ids) => this.writes.policiesDiffer(ids),
    });
    this.writes = new ClusterWrites({
      api: permitted(this.api, agentAccess, 'isthmus-system'),
      input: { cluster: 'east', view, derived: outputs },
      hub,
      coverage: this.coverage,
      publisher,
      leadership: { leads: () => this.leads, onChange: (run) => void this.#leadership.push(run) },
      clock,
      log: silentLog,
    });
  }

  #coverage(): PolicyCoverage {
    const { view } = this;
    const { outputs } = this.#pipeline;
    const has = (name: string) => this.acknowledged === 'ALL' || this.acknowledged.has(name);
    return new PolicyCoverage({
      cluster: 'east',
      view,
      outside: 'IGNORED',
      judged: (name) => {
        const pod = view.podNamed(name);
        return pod && { part: modeOf(view, pod), verdict: this.#verdict() };
      },
      isNamed: (uid, policy) =>
        outputs.snapshot.workloads.get(uid)?.authorizationPolicies.includes(policy) ?? false,
      streams: {
        isConnected: () => this.stream === 'OPEN',
        acknowledged: (_client, _type, name) => (name === this.refused ? { refused: 'it is odd' } : 'YES'),
        acknowledgedNow: (_client, _type, name) => has(name),
      },
    });
  }

  #verdict(): Verdict {
    const { stream } = this;
    const away: Problem = { cause: 'PROXY_NOT_CONNECTED', object: 'Pod istio-system/z1' };
    return {
      problem: stream === 'AWAY' ? away : undefined,
      stale: stream === 'LOST' ? 'PROXY' : undefined,
      provenBy: stream === 'OPEN' || stream === 'CLOSING' ? z1 : undefined,
      until: Infinity,
    };
  }

  /** The cluster is listed: from here on changes are published. */
  open(): void {
    this.view.apply([{ type: 'synced' }]);
    const keys = this.#pipeline.all();
    keys.add({ kind: 'synced' });
    this.#isOpen = true;
    this.#publish(keys);
  }

  /** The object is created or changed in the API. */
  put(kind: KindName, object: Plain): void {
    const { group, version } = kinds[kind];
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const kept = this.api.put(kinds[kind], { apiVersion, kind, ...object });
    this.#change(kind, { type: 'put', key: keyOf(object), object: kept });
  }

  remove(kind: KindName, object: Plain): void {
    const { namespace = '', name } = object.metadata;
    this.api.delete(kinds[kind], namespace, name);
    this.#change(kind, { type: 'gone', key: keyOf(object) });
  }

  /** The hub sends something else. */
  send(view: Partial<HubView>): void {
    this.#hubView = { ...this.#hubView, ...view };
    this.#update(this.hub.update(this.#hubView));
  }

  /** The proxy answers for a resource. */
  answer(type: 'authorization' | 'address', name: string): void {
    if (this.acknowledged !== 'ALL') this.acknowledged.add(name);
    const applied = new Map([[name, '']]);
    this.coverage.answered({
      client: proxy,
      type: typeUrls[type],
      applied,
      removed: [],
      rejected: new Map(),
    });
  }

  /** The proxy loses its stream, or has it again. */
  connect(stream: WritesWorld['stream']): void {
    this.stream = stream;
    if (stream === 'OPEN') this.coverage.opened(proxy);
    else this.coverage.lost(proxy);
    const keys = new ChangeSet();
    if (stream !== 'CLOSING')
      for (const { metadata } of this.view.pods()) keys.add({ kind: 'verdict', pod: podKey(metadata) });
    this.#publish(keys);
  }

  lead(leads: boolean): void {
    this.leads = leads;
    for (const run of this.#leadership) run();
  }

  /** The conditions of an object in the API: `type status reason`. */
  conditions(kind: KindName, namespace: string, name: string): readonly string[] {
    return this.written(kind, namespace, name).map(
      ({ type, status, reason }) => `${type} ${status} ${reason}`,
    );
  }

  written(kind: KindName, namespace: string, name: string): readonly WrittenCondition[] {
    const object = this.api.find(kinds[kind], namespace, name) as
      { status?: { conditions?: readonly WrittenCondition[] } } | undefined;
    return object?.status?.conditions ?? [];
  }

  /** Objects that were patched or deleted so far: `patch authorizationpolicies/status shop/a`. */
  get patched(): readonly string[] {
    return this.api.calls
      .filter(({ verb }) => verb === 'patch' || verb === 'delete' || verb === 'create')
      .map(({ verb, of, object, subresource = '' }) => {
        const plural = typeof of === 'string' ? of : of.plural;
        return `${verb} ${plural}${subresource === '' ? '' : `/${subresource}`} ${object}`;
      });
  }

  /** Events in the API: `object reason count`, and the message. */
  events(): readonly (readonly [shown: string, message: string])[] {
    return [...this.api.all(kinds.Event)].map((one) => {
      const { involvedObject, reason, count, message } = one as KeptObject & WrittenEvent;
      return [`${involvedObject.kind} ${involvedObject.name} ${reason} ${count}`, message];
    });
  }

  find(kind: KindName, namespace: string, name: string): Readonly<Record<string, unknown>> | undefined {
    return this.api.find(kinds[kind], namespace, name);
  }

  #change(kind: KindName, change: Parameters<HeldObjects['take']>[1][number]): void {
    if (kind === 'ServiceImport' || kind === 'Event') return;
    this.#update(this.view.apply(this.#held.take(kind, [change])));
  }

  #update(changes: ChangeSet): void {
    if (!this.#isOpen) return;
    const keys = new ChangeSet();
    keys.merge(changes);
    keys.merge(this.#pipeline.update(changes, this.clock.monotonic()));
    this.#publish(keys);
  }

  #publish(keys: ChangeSet): void {
    const delta = { keys, changed: resourcesIn(keys), bulk: new Set<string>() };
    this.coverage.published(delta);
    this.writes.published(delta);
  }
}

interface WrittenEvent {
  readonly involvedObject: { readonly kind: string; readonly name: string };
  readonly reason: string;
  readonly count: number;
  readonly message: string;
}

interface WrittenCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
}

const keyOf = ({ metadata: { namespace, name } }: Plain): string =>
  namespace === undefined ? `/${name}` : `${namespace}/${name}`;

export const aNamespace = (name: string): Plain => ({
  metadata: { name, labels: { ['istio.io/dataplane-mode']: 'ambient' } },
});

export const aPod = (name: string, namespace = 'shop'): Plain => ({
  metadata: { name, namespace, uid: `u-${namespace}-${name}`, labels: { app: name } },
  spec: { nodeName: 'n1', containers: [{ name: 'c' }] },
  status: {
    podIP: `10.0.${namespace.length}.${name.length}`,
    conditions: [{ type: 'Ready', status: 'True' }],
  },
});

export const aPolicy = (name: string, spec: object = {}, namespace = 'shop', generation = 1): Plain => ({
  metadata: { name, namespace, generation },
  spec,
});
