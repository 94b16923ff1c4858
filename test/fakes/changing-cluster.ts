import type { Health } from '@isthmus/cluster-agent/health/tracker.ts';
import { HealthTracker } from '@isthmus/cluster-agent/health/tracker.ts';
import type { Issued } from '@isthmus/cluster-agent/health/issued-certificates.ts';
import { surroundingsOf } from '@isthmus/cluster-agent/health/surroundings.ts';
import { ProvenProxies } from '@isthmus/cluster-agent/health/proven.ts';
import type { Journal } from '@isthmus/cluster-agent/state/journal.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import { translate } from '@isthmus/cluster-agent/translate/translate.ts';
import type { TranslateInput } from '@isthmus/cluster-agent/translate/input.ts';
import { ClusterView } from '@isthmus/cluster-agent/view/cluster-view.ts';
import { emptyHubView, type HubView } from '@isthmus/cluster-agent/view/hub-view.ts';
import { UpstreamZtunnels } from '@isthmus/cluster-agent/xds/upstream-ztunnels.ts';
import { objectId, type ClusterObject } from '@isthmus/api/kubernetes/objects.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import type { ClusterChange, HubChange } from './arbitrary-changes.ts';
import { FakeClock } from './clock.ts';
import { assertSameSnapshot } from './same-snapshot.ts';
import { wholeTranslation } from './whole/translate.ts';
import { WholeView } from './whole/view.ts';

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
  readonly #streams = new Map<string, { readonly said: Said; readonly returned: boolean }>();
  readonly #issued = new Map<string, Issued>();
  readonly #upstream = new UpstreamZtunnels();
  readonly #tracker: HealthTracker;
  #hub: HubView = emptyHubView;
  #snapshot: ClusterSnapshot | undefined;

  constructor(objects: Iterable<ClusterObject> = []) {
    this.#tracker = new HealthTracker({
      proven: new ProvenProxies(noJournal, silentLog),
      streams: {
        acknowledged: (id, uid) => this.#streams.get(id)?.said.get(uid) ?? 'NO',
        returned: (id) => this.#streams.get(id)?.returned ?? false,
      },
      issued: { since: 0, of: (proxy, identity) => this.#issued.get(`${proxy} ${identity}`) },
      clock: this.clock,
      onChange: () => undefined,
    });
    this.#tracker.start();
    for (const object of objects) this.#set(object);
    this.view.apply([{ type: 'synced' }]);
  }

  async apply(batch: readonly ClusterChange[]): Promise<void> {
    for (const change of batch) await this.#applyOne(change);
    await this.clock.advance(60);
  }

  /** Asserts that what was derived step by step is what follows from everything. */
  check(): void {
    const input = this.#input();
    this.#snapshot = translate(input, this.#snapshot);
    const { health, now, upstreamZtunnels, hub } = input;
    const view = new WholeView(this.objects.values());
    const whole = wholeTranslation({ ...named, health, now, upstreamZtunnels, hub, view });
    assertSameSnapshot(this.#snapshot, whole);
  }

  #input(): TranslateInput {
    this.#upstream.keep((key) => this.view.podNamed(key) !== undefined);
    return {
      ...named,
      view: this.view,
      hub: this.#hub,
      serviceConditions: () => [],
      now: this.clock.now(),
      upstreamZtunnels: this.#upstream.pods,
      health: this.#health(),
    };
  }

  #health(): Health {
    return this.#tracker.assess({
      pods: this.view.pods(),
      around: surroundingsOf(this.view, named),
      isRevoked: (issuer) => this.#hub.intermediates.get(issuer)?.revoked ?? true,
    });
  }

  async #applyOne(change: ClusterChange): Promise<void> {
    switch (change.kind) {
      case 'object': {
        this.#set(change.object);
        return;
      }
      case 'removed': {
        const id = objectId(change.object.kind, change.object.metadata);
        this.objects.delete(id);
        this.view.apply([{ type: 'remove', id }]);
        return;
      }
      case 'hub': {
        this.#fromHub(change.resource);
        return;
      }
      case 'time':
        return this.clock.advance(change.millis);
      case 'issued': {
        const pod = this.objects.get(`Pod/${change.proxy}`);
        if (!pod) return;
        const notAfter = this.clock.now() + change.hours * 3_600_000;
        this.#issued.set(`${pod.metadata.uid} ${change.identity}`, { notAfter, issuer: change.issuer });
        this.#tracker.certificateIssued();
        return;
      }
      default: {
        this.#fromProxy(change);
        return;
      }
    }
  }

  #set(object: ClusterObject): void {
    const id = objectId(object.kind, object.metadata);
    this.objects.set(id, object);
    this.view.apply([{ type: 'upsert', id, object }]);
  }

  #fromProxy(change: Extract<ClusterChange, { kind: 'opened' | 'lost' | 'answered' }>): void {
    const { client } = change;
    if (change.kind === 'opened') {
      this.#streams.set(client, { said: new Map(), returned: change.returned });
      this.#tracker.opened(client);
      const [kind, namespace, name] = client.split('/');
      this.#upstream.seen({
        kind: kind === 'ztunnel' ? kind : 'sidecar',
        key: `${namespace}/${name}`,
        version: change.version,
      });
    } else if (change.kind === 'lost') {
      if (this.#streams.delete(client)) this.#tracker.lost(client);
    } else {
      const uid = `east//Pod/${change.pod}`;
      this.#streams.get(client)?.said.set(uid, change.refused ? { refused: 'no' } : 'YES');
      if (this.#streams.has(client)) this.#tracker.answered(client, [uid]);
    }
  }

  #fromHub({ type, name, value }: HubChange): void {
    const field = fields[type];
    const map = new Map<string, unknown>(this.#hub[field]);
    if (value) map.set(name, value);
    else map.delete(name);
    this.#hub = { ...this.#hub, [field]: map };
  }
}

const fields = {
  policy: 'policies',
  traffic: 'traffic',
  diversion: 'diversions',
  grant: 'grants',
  remote: 'remotes',
  intermediate: 'intermediates',
} as const;
