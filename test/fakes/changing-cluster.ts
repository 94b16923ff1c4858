import assert from 'node:assert/strict';
import { objectId, type ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Issued } from '@isthmus/cluster-agent/health/issued-certificates.ts';
import type { Health, Streams } from '@isthmus/cluster-agent/health/tracker.ts';
import { HealthTracker } from '@isthmus/cluster-agent/health/tracker.ts';
import { ProvenProxies } from '@isthmus/cluster-agent/health/proven.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { podKey, serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import type { Journal } from '@isthmus/cluster-agent/state/journal.ts';
import { walkLimits } from '@isthmus/cluster-agent/translate/walks.ts';
import type { TranslateInput } from '@isthmus/cluster-agent/translate/input.ts';
import { Pipeline } from '@isthmus/cluster-agent/translate/pipeline.ts';
import type { Facts, World } from '@isthmus/cluster-agent/translate/world.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { emptyHubView, type HubView } from '@isthmus/cluster-agent/view/hub-view.ts';
import { UpstreamZtunnels } from '@isthmus/cluster-agent/xds/upstream-ztunnels.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import type { ClusterChange, HubChange } from './arbitrary-changes.ts';
import { FakeClock } from './clock.ts';
import { assertSameSnapshot } from './same-snapshot.ts';
import { surroundingsOf } from './surroundings.ts';
import { WholeHealth } from './whole/health.ts';
import { endpointGroups, namesBehind } from './whole/endpoints.ts';
import type { WholeInput } from './whole/input.ts';
import { wholeTranslation } from './whole/translate.ts';
import { WholeView } from './whole/view.ts';
import { HubFollower } from './hub-follower.ts';

const named = { cluster: 'east', trustDomain: defaultTrustDomain };

/** Nothing is kept. */
const noJournal = {
  entries: () => [],
  put: () => undefined,
  remove: () => undefined,
} as unknown as Journal;

type Said = Map<string, 'YES' | { readonly refused: string }>;

/**
 * A cluster that changes, beside what is kept of it in full: what the agent derives from the changes is compared with
 * what follows from all that there is.
 */
export class ChangingCluster {
  readonly clock = new FakeClock();
  readonly view = new ClusterView();
  readonly objects = new Map<string, ClusterObject>();
  readonly pipeline: Pipeline;
  readonly #streams = new Map<string, { readonly said: Said; readonly returned: boolean }>();
  readonly #issued = new Map<string, Issued>();
  readonly #upstream = new UpstreamZtunnels();
  readonly #tracker: HealthTracker;
  readonly #wholeHealth: WholeHealth;
  readonly #index = new HubFollower();
  readonly #reserved = new Map<string, string>();
  readonly #facts: Facts;
  #hub: HubView = emptyHubView;
  #pending = new ChangeSet();
  #deadlinesAt = -Infinity;

  constructor(objects: Iterable<ClusterObject> = [], limits = walkLimits) {
    const streams: Streams = {
      acknowledged: (id, uid) => this.#streams.get(id)?.said.get(uid) ?? 'NO',
      returned: (id) => this.#streams.get(id)?.returned ?? false,
      shown: () => undefined,
    };
    const { clock } = this;
    const deps = {
      streams,
      issued: {
        since: clock.now(),
        of: (proxy: string, identity: string) => this.#issued.get(`${proxy} ${identity}`),
      },
      isRevoked: (issuer: string) => this.#hub.intermediates.get(issuer)?.revoked ?? true,
      clock,
    };
    this.#wholeHealth = new WholeHealth(deps);
    this.#tracker = new HealthTracker({
      ...deps,
      cluster: named.cluster,
      proven: new ProvenProxies(noJournal, silentLog),
      onChange: (changes) => this.#pending.merge(changes),
    });
    this.#tracker.start();
    for (const object of objects) this.#set(object);
    this.view.apply([{ type: 'synced' }]);
    this.#facts = {
      ...named,
      now: () => clock.now(),
      upstreamZtunnels: this.#upstream.pods,
      capture: 'PROXY',
      health: this.#tracker,
      shared: { reserved: (service) => [this.#reserved.get(service) ?? []].flat() },
    };
    this.pipeline = new Pipeline({ view: this.view, hub: this.#index, facts: this.#facts }, limits);
    this.pipeline.all();
    this.#pending = new ChangeSet();
  }

  /** What inputs of derivations may read. */
  get world(): World {
    return { view: this.view, hub: this.#index, facts: this.#facts, derived: this.pipeline.outputs };
  }

  /** Time moves in steps of 100 ms between batches, and what follows from it is gathered for 50 ms. */
  async apply(batch: readonly ClusterChange[]): Promise<void> {
    await this.clock.advance(40);
    for (const change of batch) await this.#applyOne(change);
    await this.clock.advance(60);
  }

  /** What has changed since it was taken last. */
  takePending(): ChangeSet {
    const now = this.clock.now();
    for (const { id, deadline = Infinity } of this.#hub.trafficShifts.values())
      if (deadline > this.#deadlinesAt && deadline <= now)
        this.#pending.add({ kind: 'deadline', trafficShift: id });
    this.#deadlinesAt = now;
    const changes = this.#pending;
    this.#pending = new ChangeSet();
    return changes;
  }

  /** Derives from what has changed; gives what that touched. */
  update(): ChangeSet {
    const { pipeline } = this;
    const all = pipeline.update(this.takePending(), this.clock.monotonic());
    // What follows a second after the last walk is looked at as well.
    for (let next = pipeline.nextPart; next !== undefined; next = pipeline.nextPart)
      all.merge(pipeline.part(next));
    return all;
  }

  /** What reports rest on. */
  get input(): TranslateInput {
    const { outputs } = this.pipeline;
    const unjudged = new Error('a pod is reported that was not judged');
    return {
      ...named,
      view: this.view,
      hub: this.#hub,
      derived: outputs,
      serviceConditions: () => [],
      health: {
        of({ metadata }) {
          const judged = outputs.judged(podKey(metadata));
          if (!judged) throw unjudged;
          return judged.verdict;
        },
        problems: this.#tracker.problems,
      },
    };
  }

  /** Asserts that what was derived step by step is what follows from everything. */
  check(): void {
    this.update();
    const view = new WholeView(this.objects.values());
    const health = this.#health(view);
    for (const pod of view.pods())
      assert.deepEqual(
        this.pipeline.outputs.judged(podKey(pod.metadata))?.verdict,
        health.of(pod),
        `the verdict on ${pod.metadata.name}`,
      );
    const input = {
      ...named,
      health,
      now: this.clock.now(),
      upstreamZtunnels: this.#upstream.pods,
      hub: this.#hub,
      view,
      reserved: this.#reserved,
    };
    assertSameSnapshot(this.pipeline.snapshot, wholeTranslation(input));
    this.#checkSums(input);
  }

  /** What reports are made of. */
  #checkSums(input: WholeInput): void {
    const { outputs } = this.pipeline;
    for (const service of input.view.all('Service')) {
      const key = serviceKeyOf(service.metadata);
      // Then these are the endpoints of a ServiceEntry, which are not reported.
      if (this.view.serviceEntries.at(key)) continue;
      assert.deepEqual(outputs.groups(key), endpointGroups(input, service), `groups of ${key}`);
      assert.deepEqual(
        outputs.identities(key),
        [...namesBehind(input, service)].sort(),
        `names behind ${key}`,
      );
    }
    const parts = input.view.pods().map((pod) => surroundingsOf(this.view, named).part(pod));
    const counts = new Map<string, number>();
    for (const part of parts) counts.set(part, (counts.get(part) ?? 0) + 1);
    assert.deepEqual(outputs.partCounts(), counts);
  }

  #health(view: WholeView): Health {
    return this.#wholeHealth.assess(view.pods(), surroundingsOf(this.view, named));
  }

  async #applyOne(change: ClusterChange): Promise<void> {
    switch (change.kind) {
      case 'object':
        this.#set(change.object);
        return;
      case 'removed': {
        const id = objectId(change.object.kind, change.object.metadata);
        this.objects.delete(id);
        this.#pending.merge(this.view.apply([{ type: 'remove', id }]));
        return;
      }
      case 'hub':
        this.#fromHub(change.resource);
        return;
      case 'reserved':
        if (change.address === undefined) this.#reserved.delete(change.service);
        else this.#reserved.set(change.service, change.address);
        this.#pending.add({ kind: 'addresses', service: change.service });
        return;
      case 'time':
        await this.clock.advance(change.millis);
        return;
      case 'issued': {
        const pod = this.objects.get(`Pod/${change.proxy}`);
        if (!pod) return;
        const { uid } = pod.metadata;
        const notAfter = this.clock.now() + change.hours * 3_600_000;
        this.#issued.set(`${uid} ${change.identity}`, { notAfter, issuer: change.issuer });
        this.#tracker.certificateIssued(uid, change.identity);
        return;
      }
      default:
        this.#fromProxy(change);
    }
  }

  #set(object: ClusterObject): void {
    const id = objectId(object.kind, object.metadata);
    const held = object.kind === 'Pod' && object.deleted ? { ...object, ready: false } : object;
    this.objects.set(id, held);
    this.#pending.merge(this.view.apply([{ type: 'upsert', id, object }]));
  }

  #fromProxy(change: Extract<ClusterChange, { kind: 'opened' | 'lost' | 'answered' }>): void {
    const { client } = change;
    const [kind, namespace = '', name = ''] = client.split('/');
    if (change.kind === 'opened') {
      this.#streams.set(client, { said: new Map(), returned: change.returned });
      this.#tracker.opened(client);
      this.#wholeHealth.opened(client);
      const key = podKey({ namespace, name });
      const seen = {
        kind: kind === 'ztunnel' ? ('ztunnel' as const) : ('sidecar' as const),
        key,
        version: change.version,
      };
      if (this.#upstream.seen(seen)) this.#pending.add({ kind: 'upstream', pod: key });
    } else if (change.kind === 'lost') {
      if (!this.#streams.delete(client)) return;
      this.#tracker.lost(client);
      this.#wholeHealth.lost(client);
    } else {
      const uid = `east//Pod/${change.pod}`;
      const stream = this.#streams.get(client);
      stream?.said.set(uid, change.refused ? { refused: 'no' } : 'YES');
      if (stream) this.#tracker.answered(client, change.refused ? [] : [uid], change.refused ? [uid] : []);
    }
  }

  #fromHub({ type, name, value }: HubChange): void {
    const field = fields[type];
    const map = new Map<string, unknown>(this.#hub[field]);
    if (value) map.set(name, value);
    else map.delete(name);
    this.#hub = { ...this.#hub, [field]: map };
    this.#pending.merge(this.#index.update(this.#hub));
  }
}

const fields = {
  policy: 'policies',
  traffic: 'traffic',
  diversion: 'trafficShifts',
  grant: 'grants',
  member: 'members',
  remote: 'remotes',
  intermediate: 'intermediates',
} as const;
