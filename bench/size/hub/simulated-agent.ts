import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatServiceKey } from '@isthmus/api/domain/names.ts';
import type { ServiceHealth } from '@isthmus/api/domain/report.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { HubLinks } from '@isthmus/cluster-agent/link/hub-links.ts';
import { HubEpochs } from '@isthmus/cluster-agent/link/hub-epochs.ts';
import { linkIdentity, type LinkIdentity } from '@isthmus/cluster-agent/link/identity.ts';
import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import type { Produced } from '@isthmus/mesh/delta/produced.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { aGateway, aHealth, aService, healthSourceOf } from '../../../test/fakes/agent.ts';
import { aCluster } from '../../../test/fakes/agent.ts';
import { VersionsOnly } from './versions-only.ts';

export interface Member {
  readonly cluster: string;
  readonly stateDir: string;
  /** Of its own, from which it connects: the hub limits who joins by address. */
  readonly address: string;
  /** `<namespace>` is always shop. */
  readonly services: readonly string[];
}

/** The link's end of an agent: the real client, which reports some services and keeps versions of what it is sent. */
export class SimulatedAgent {
  readonly #member: Member;
  readonly #hubStore: VersionsOnly;
  readonly #reports = new Map<string, ReadonlyMap<string, Produced>>();
  readonly #applied = new Map<string, Produced>();
  readonly #health: ServiceHealth[];
  #identity: LinkIdentity | undefined;
  #link: HubLinks | undefined;
  #stop = new AbortController();

  constructor(member: Member, onReceived: (type: string) => void) {
    const { cluster, services, stateDir, address } = (this.#member = member);
    mkdirSync(stateDir, { recursive: true });
    this.#hubStore = new VersionsOnly((type, resources, removed) => {
      this.#acknowledge(type, resources, removed);
      onReceived(type);
    });
    this.#health = services.map((name) => aHealth(name));
    for (const type of wire.upTypes) this.#reports.set(type, new Map());
    this.#reports.set('applied', this.#applied);
    this.#report('cluster', [['self', wire.clusterReport.encode(aCluster(cluster))]]);
    // Two clusters with one address of a gateway would contend for it.
    const gateway = wire.gatewayReport.encode(aGateway(cluster, { address }));
    this.#report('gateway', [[`istio-system/gw/${address}`, gateway]]);
    this.#report(
      'service',
      services.map((name) => [`shop/${name}`, wire.serviceReport.encode(aService(name))]),
    );
  }

  async join(token: string): Promise<void> {
    const { cluster, stateDir, address } = this.#member;
    const tokenFile = join(stateDir, 'token');
    writeFileSync(tokenFile, token);
    const at = { cluster, stateDir, tokenFile, localAddress: address };
    this.#identity = await linkIdentity({ ...at, clock: systemClock, random: systemRandom });
  }

  /**
   * Holds what another agent holds, but for what is of that one or of itself: a federation of many would otherwise send
   * each of them everything before anything can be measured.
   */
  adopt(other: SimulatedAgent): void {
    const adopted = this.#hubStore.adopt(other.#hubStore, this.#member.cluster);
    for (const [type, resources] of adopted) this.#acknowledge(type, resources, []);
  }

  connect(): void {
    const { stateDir, address } = this.#member;
    if (!this.#identity) throw new Error(`${this.#member.cluster} has not joined`);
    this.#stop = new AbortController();
    this.#link = new HubLinks({
      identity: this.#identity,
      replica: { id: 'main', leads: () => true },
      localAddress: address,
      hubStore: this.#hubStore,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      epochs: new HubEpochs(stateDir, silentLog),
      reports: (type) => this.#reports.get(type),
      health: healthSourceOf({ health: this.#health }),
      answer: () => Promise.resolve({ kind: 'workloads', workloads: [], total: 0, hasNext: false }),
      onView: () => undefined,
    });
    void this.#link.run(this.#stop.signal);
  }

  disconnect(): void {
    this.#stop.abort();
  }

  /** The hub has sent everything that there is. */
  get synced(): boolean {
    return this.#link?.synced ?? false;
  }

  /** Services of other clusters that it has. */
  get remotes(): number {
    return this.#hubStore.versions().get('remote')?.size ?? 0;
  }

  /** Resources that came since it connected last. */
  get received(): number {
    return Object.values(this.#link?.received ?? {}).reduce((sum, count) => sum + count, 0);
  }

  /** As at a start and at a renewal. Resolves when the hub has signed; it may be used later. */
  async newIntermediate(): Promise<void> {
    await this.#link?.signIntermediate(createCsr(generateKey()));
  }

  /** The first service has so many healthy endpoints of two. */
  change(healthy: number): void {
    const first = aHealth(this.#member.services[0] ?? '', healthy);
    this.#health[0] = first;
    this.#link?.healthChanged([formatServiceKey(first)]);
  }

  /** As an agent whose proxies have everything at once. */
  #acknowledge(
    type: string,
    resources: readonly Pick<Resource, 'name' | 'version'>[],
    removed: readonly string[],
  ): void {
    if (!acknowledged.has(type)) return;
    const reports = this.#applied;
    for (const { name, version } of resources) {
      const subject = `${type}/${name}`;
      reports.set(subject, appliedOf(subject, version));
    }
    const gone = removed.map((name) => `${type}/${name}`);
    for (const subject of gone) reports.delete(subject);
    this.#link?.changed('applied', [...resources.map(({ name }) => `${type}/${name}`), ...gone]);
  }

  #report(type: string, reports: readonly (readonly [name: string, body: Uint8Array])[]): void {
    const produced = reports.map(([name, body]) => [name, { version: contentVersion(body), body }] as const);
    this.#reports.set(type, new Map(produced));
  }
}

const applied = new Map<string, Produced>();

/** The same from all agents, made once. */
function appliedOf(subject: string, version: string): Produced {
  const key = `${subject} ${version}`;
  const known = applied.get(key);
  if (known) return known;
  const body = wire.appliedReport.encode({ subject, version, state: 'APPLIED', message: '', proxies: 1 });
  const made = { version: contentVersion(body), body };
  applied.set(key, made);
  return made;
}

/** Types of which an agent says which are applied at its proxies. */
const acknowledged: ReadonlySet<string> = new Set(['policy', 'intermediate', 'diversion']);
