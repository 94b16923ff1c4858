import type { ClusterName, ServiceKey } from '@isthmus/api/domain/names.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { ClusterRecord } from '../observation/cluster-record.ts';
import type { ChangeSet } from '../observation/change-set.ts';
import type { Live } from '../state/live.ts';
import type { Now } from '../state/now.ts';
import { clusterUntil, ofCluster } from './clusters.ts';
import { orderOf, type Finding } from './finding.ts';
import { forceUntil, inForce } from './in-force.ts';
import { markedBy } from './marks.ts';
import { ofPolicy } from './policies.ts';
import { ofHolders, serviceKeys, withinLimit, withoutService } from './services.ts';
import { ofTrust, trustUntil } from './trust.ts';

/** Some findings, and the epoch milliseconds from when on time alone may make them others. */
interface Part {
  readonly findings: readonly Finding[];
  readonly until: number;
}

/** Of one service: in its holders, and of intent about it. */
interface ServicePart {
  readonly inHolders: readonly Finding[];
  readonly ofIntent: readonly Finding[];
}

export interface Ordered {
  readonly order: string;
  readonly finding: Finding;
}

/** A list is read on by pages for so long, milliseconds. */
const listLife = 30_000;

const nothing: Part = { findings: [], until: -Infinity };

/**
 * Everything that is wrong or in force, kept in parts: a look makes again only what changes have marked since the last one,
 * and what time has made old.
 */
export class Insights {
  readonly #live: Live;
  readonly #clock: Clock;
  readonly #clusters = new Map<ClusterName, Part>();
  readonly #services = new Map<ServiceKey, ServicePart>();
  readonly #policies = new Map<string, readonly Finding[]>();
  /** What agents refuse, as it was when policies were marked last. */
  readonly #refused = new Map<ClusterName, ClusterRecord['refused']>();
  #trust = nothing;
  #force = nothing;
  readonly #dueClusters = new Set<ClusterName>();
  readonly #dueServices = new Set<ServiceKey>();
  readonly #duePolicies = new Set<string>();
  #isNew = true;
  #ofHub: readonly Finding[] | undefined;
  #list: readonly Ordered[] = [];
  #listedAt = -Infinity;
  /** Parts that were made, for tests. */
  made = 0;

  constructor(live: Live, clock: Clock) {
    this.#live = live;
    this.#clock = clock;
    live.onChange((changes, now) => this.#mark(changes, now));
  }

  /** All of now, gravest first. `ofHub`: what the hub itself lacks. */
  current(ofHub: readonly Finding[]): readonly Ordered[] {
    const now = this.#live.current;
    const at = this.#clock.now();
    if (this.#isNew) this.#markAll(now);
    if (this.#refresh(now, at) || !areSame(this.#ofHub, ofHub)) this.#list = this.#merged(ofHub);
    this.#ofHub = ofHub;
    this.#listedAt = this.#clock.monotonic();
    return this.#list;
  }

  /** What `current` gave last, while that is young: pages of one list neither skip nor repeat anything. */
  ofLastLook(ofHub: readonly Finding[]): readonly Ordered[] {
    return this.#clock.monotonic() - this.#listedAt < listLife ? this.#list : this.current(ofHub);
  }

  #mark(changes: ChangeSet, now: Now): void {
    if (this.#isNew) return;
    const { clusters, services, policies, trust, force } = markedBy(changes, now);
    for (const one of clusters) this.#dueClusters.add(one);
    for (const one of services) this.#dueServices.add(one);
    if (policies === 'ALL' || this.#refusesOtherwise(changes, now)) this.#markPolicies(now);
    else for (const one of policies) this.#duePolicies.add(one);
    if (trust) this.#trust = nothing;
    if (force) this.#force = nothing;
  }

  #markAll(now: Now): void {
    this.#isNew = false;
    for (const one of now.intent.clusters.keys()) this.#dueClusters.add(one);
    for (const one of serviceKeys(now)) this.#dueServices.add(one);
    for (const [cluster, { refused }] of now.observed) this.#refused.set(cluster, refused);
    this.#markPolicies(now);
  }

  #markPolicies({ intent }: Now): void {
    for (const name of [...intent.accessPolicies.keys(), ...this.#policies.keys()])
      this.#duePolicies.add(name);
  }

  /** Whether an agent refuses something else than before, or is observed for the first time. */
  #refusesOtherwise({ shown, forgotten }: ChangeSet, { observed }: Now): boolean {
    let differs = false;
    for (const cluster of [...shown, ...forgotten]) {
      const refused = observed.get(cluster)?.refused;
      if (this.#refused.get(cluster) === refused) continue;
      differs = true;
      if (refused) this.#refused.set(cluster, refused);
      else this.#refused.delete(cluster);
    }
    return differs;
  }

  /** Makes again what is due. True: something was. */
  #refresh(now: Now, at: number): boolean {
    const before = this.made;
    for (const [cluster, { until }] of this.#clusters) if (until <= at) this.#dueClusters.add(cluster);
    for (const cluster of this.#dueClusters)
      this.#set(this.#clusters, cluster, now.intent.clusters.has(cluster), () => ({
        findings: ofCluster(now, cluster, at),
        until: clusterUntil(now, cluster, at),
      }));
    for (const key of this.#dueServices) {
      const part = { inHolders: ofHolders(now, key), ofIntent: withoutService(now, key) };
      this.#set(this.#services, key, part.inHolders.length + part.ofIntent.length > 0, () => part);
    }
    for (const name of this.#duePolicies)
      this.#set(this.#policies, name, now.intent.accessPolicies.has(name), () => ofPolicy(now, name));
    for (const due of [this.#dueClusters, this.#dueServices, this.#duePolicies]) due.clear();
    if (this.#trust.until <= at) this.#trust = this.#whole(ofTrust(now, at), trustUntil(now, at));
    if (this.#force.until <= at) this.#force = this.#whole(inForce(now, at), forceUntil(now, at));
    return this.made > before;
  }

  #set<K, V>(parts: Map<K, V>, key: K, isThere: boolean, make: () => V): void {
    this.made++;
    if (isThere) parts.set(key, make());
    else parts.delete(key);
  }

  #whole(findings: readonly Finding[], until: number): Part {
    this.made++;
    return { findings, until };
  }

  #merged(ofHub: readonly Finding[]): readonly Ordered[] {
    const services = [...this.#services.values()];
    const all = [
      ...ofHub,
      ...[...this.#clusters.values()].flatMap(({ findings }) => findings),
      ...withinLimit(services.flatMap(({ inHolders }) => inHolders)),
      ...services.flatMap(({ ofIntent }) => ofIntent),
      ...[...this.#policies.values()].flat(),
      ...this.#trust.findings,
      ...this.#force.findings,
    ];
    const ordered = all.map((finding) => ({ finding, order: orderOf(finding) }));
    return ordered.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0));
  }
}

const areSame = (one: readonly Finding[] | undefined, other: readonly Finding[]): boolean =>
  one?.length === other.length &&
  one.every((finding, i) => orderOf(finding) === orderOf(other[i] ?? finding));
