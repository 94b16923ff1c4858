import assert from 'node:assert/strict';
import fc from 'fast-check';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import { formatServiceKey } from '@isthmus/api/domain/names.ts';
import type { HealthAnswer, HealthReport, ServiceHealth } from '@isthmus/api/domain/report.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { SentHealth } from '@isthmus/cluster-agent/link/sent-health.ts';
import { countsOf } from '@isthmus/federation/link/counts-row.ts';
import { TakenHealth } from '@isthmus/federation/link/taken-health.ts';
import type { ClusterRecord } from '@isthmus/federation/observation/cluster-record.ts';
import { withRestoredCounts } from '@isthmus/federation/observation/health-steps.ts';
import { Observations } from '@isthmus/federation/observation/observations.ts';
import { withReplica } from '@isthmus/federation/observation/record-steps.ts';
import type { StoredReport } from '@isthmus/federation/store/store.ts';
import { aReplica } from '../fakes/replica.ts';
import { aHealth, healthSourceOf } from '../fakes/agent.ts';
import { FakeClock } from '../fakes/clock.ts';

/** What may happen to a cluster and to the links that its agent has. */
type Step =
  | { readonly kind: 'count'; readonly service: number; readonly healthy: number | undefined }
  | { readonly kind: 'send' | 'deliver' | 'drop' | 'answer' | 'reconnect'; readonly link: number }
  | { readonly kind: 'restart' }
  | { readonly kind: 'minute' };

interface Versions {
  readonly agent: 'NEW' | 'OLD';
  readonly hub: 'NEW' | 'OLD';
}

/** One link: reports and answers that are under way, in order. */
interface Link {
  readonly sent: SentHealth;
  readonly taken: TakenHealth;
  readonly reports: HealthReport[];
  readonly answers: HealthAnswer[];
}

const serviceName = (i: number) => `s${i}`;

/** An agent with two links to one hub, and what each of them knows. */
class World {
  readonly #clock = new FakeClock();
  readonly #versions: Versions;
  readonly #cluster: { health: readonly ServiceHealth[] } = { health: [] };
  readonly #rows = new Map<string, StoredReport>();
  #observations = new Observations(this.#clock);
  #links: Link[] = [];

  constructor(versions: Versions) {
    this.#versions = versions;
    this.#links = [this.#connected(), this.#connected()];
  }

  async run(step: Step): Promise<void> {
    if (step.kind === 'minute') await this.#clock.advance(60_000);
    else if (step.kind === 'restart') this.#restart();
    else if (step.kind === 'count') this.#count(step.service, step.healthy);
    else if (step.kind === 'reconnect') this.#links[step.link] = this.#connected();
    else this.#runOn(this.#links[step.link]!, step.kind);
  }

  /** All that is under way arrives, and heartbeats go on until nothing is new. */
  async settle(): Promise<void> {
    for (let i = 0; i < 4; i++)
      for (const link of this.#links) {
        link.reports.push(link.sent.next());
        while (link.reports.length > 0) this.#deliver(link);
        while (link.answers.length > 0) this.#answer(link);
        await this.#clock.advance(1000);
      }
  }

  assertEqual(): void {
    const record = this.#observations.records.get('east');
    const reported = [...(record?.health ?? [])].map(([key, groups]) => [key, groups] as const);
    const is = this.#cluster.health.map((one) => [formatServiceKey(one), one.groups] as const);
    assert.deepEqual(new Map(reported), new Map(is));
    assert.equal(record?.endpoints ?? 0, 2 * is.length);
    assert.deepEqual([...this.#rows.keys()].sort(), is.map(([key]) => key).sort());
  }

  #connected(): Link {
    this.#observations.update('east', (record) => withReplica(record, aReplica()));
    const taken = new TakenHealth(
      {
        clock: this.#clock,
        limits: defaultLimits,
        snapshot: () => ({ observed: this.#observations.records }) as never,
        observe: (cluster, step) => this.#observations.update(cluster, step),
        saveReports: (cluster, rows) => {
          for (const { type, name, resource } of rows)
            if (resource) this.#rows.set(name, { cluster, type, name, asOf: 0, ...resource });
            else this.#rows.delete(name);
        },
      },
      'east',
    );
    const sent = new SentHealth(healthSourceOf(this.#cluster), this.#clock);
    return { sent, taken, reports: [], answers: [] };
  }

  #count(service: number, healthy: number | undefined): void {
    const name = serviceName(service);
    const others = this.#cluster.health.filter((one) => one.name !== name);
    this.#cluster.health = healthy === undefined ? others : [...others, aHealth(name, healthy)];
    for (const { sent } of this.#links) sent.touch([formatServiceKey({ namespace: 'shop', name })]);
  }

  #runOn(link: Link, kind: 'send' | 'deliver' | 'drop' | 'answer'): void {
    if (kind === 'send') link.reports.push(link.sent.next());
    else if (kind === 'deliver') this.#deliver(link);
    else if (kind === 'answer') this.#answer(link);
    // At the hub a report that waits gives way to a later one.
    else if (link.reports.length > 1) link.reports.shift();
  }

  #deliver({ reports, answers, taken }: Link): void {
    const report = reports.shift();
    if (!report) return;
    const bytes = wire.healthReport.encode(report);
    const read = wire.healthReport.decode(bytes);
    assert.ok(read.ok);
    const isOld = this.#versions.hub === 'OLD';
    assert.ok(!isOld || !read.value.changes, 'a hub that takes no changes is sent none');
    const answer = taken.take(read.value);
    if (answer) answers.push(isOld ? { ...answer, takesChanges: false } : answer);
  }

  #answer({ sent, answers }: Link): void {
    const answer = answers.shift();
    // An older agent reads the sequence alone.
    if (answer) sent.hear(this.#versions.agent === 'OLD' ? { ...answer, takesChanges: false } : answer);
  }

  #restart(): void {
    this.#observations = new Observations(this.#clock);
    const stored = countsOf([...this.#rows.values()]);
    this.#observations.update('east', (record: ClusterRecord) => withRestoredCounts(record, stored));
    this.#links = [this.#connected(), this.#connected()];
  }
}

const link = fc.nat(1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('count' as const),
      service: fc.nat(5),
      healthy: fc.option(fc.nat(2), { nil: undefined }),
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constantFrom('send' as const, 'deliver' as const, 'answer' as const),
      link,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('drop' as const, 'reconnect' as const), link }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'minute' as const) }) },
);

describe('endpoint counts of an agent with two links to a hub', () => {
  for (const versions of [
    { agent: 'NEW', hub: 'NEW' },
    { agent: 'NEW', hub: 'OLD' },
    { agent: 'OLD', hub: 'NEW' },
  ] as const)
    it(`are the same at both in the end, whatever changes, is lost, comes late or restarts (agent ${versions.agent}, hub ${versions.hub})`, () =>
      fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
          const world = new World(versions);
          for (const one of steps) await world.run(one);
          await world.settle();
          world.assertEqual();
        }),
        { numRuns: 300 },
      )).timeout(60_000);
});
