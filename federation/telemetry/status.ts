import { X509Certificate } from 'node:crypto';
import type { Check, HealthSources } from '@isthmus/mesh/http/health-pages.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { written } from '../observation/change-set.ts';
import type { Live } from '../state/live.ts';
import type { Leadership, LeadershipEnd, Store } from '../store/store.ts';
import type { CommitCounts, countedStore } from './counted-store.ts';
import { metricsPage } from './metrics-page.ts';

/** The state that a hub answers from. */
type ServedState = Pick<Live, 'current' | 'onChange' | 'problem'>;

/** What a hub's admin port shows; it is there from before the hub takes its epoch. */
export class HubStatus implements HealthSources {
  readonly #store: Store;
  readonly #commits: Readonly<CommitCounts>;
  readonly #clock: Clock;
  readonly #chain: () => string;
  #leadership: Leadership | undefined;
  #live: ServedState | undefined;
  #end: LeadershipEnd | undefined;
  readonly #refusedReports = new Map<string, number>();

  /** `chain`: PEM, of the link's listeners now. */
  constructor({ store, counts }: ReturnType<typeof countedStore>, clock: Clock, chain: () => string) {
    this.#store = store;
    this.#commits = counts;
    this.#clock = clock;
    this.#chain = chain;
  }

  leads(leadership: Leadership): void {
    this.#leadership = leadership;
    void leadership.ended.then((end) => (this.#end = end));
  }

  serves(live: ServedState): void {
    this.#live = live;
    live.onChange((changes, { intent }) => {
      for (const cluster of written(changes, 'cluster').keys())
        if (!intent.clusters.has(cluster)) this.#refusedReports.delete(cluster);
    });
  }

  reportsRefused(cluster: string, count: number): void {
    this.#refusedReports.set(cluster, (this.#refusedReports.get(cluster) ?? 0) + count);
  }

  /** Clusters of which something is counted. */
  get size(): number {
    return this.#refusedReports.size;
  }

  readonly readiness = (): readonly Check[] => [
    { name: 'started', problem: this.#live ? undefined : 'the hub is starting' },
    { name: 'leadership', problem: this.#end && `another hub has taken epoch ${this.#end.by}` },
    // What is stored is served, also where nothing can be written: links and reads go on.
    { name: 'store', problem: this.#live?.problem, degraded: [...this.#unwritable()] },
    { name: 'roots', problem: this.#expiredRoot() },
    {
      name: 'link-certificate',
      problem: this.#expired('the certificate of the link', new X509Certificate(this.#chain()).validTo),
    },
  ];

  readonly metrics = (): ReturnType<HealthSources['metrics']> => {
    return metricsPage({
      snapshot: this.#live?.current,
      epoch: this.#leadership?.epoch ?? 0,
      fenced: this.#end?.kind === 'fenced',
      problem: this.#store.problem,
      commits: this.#commits,
      refusedReports: this.#refusedReports,
      ready: this.readiness().every(({ problem }) => problem === undefined),
    });
  };

  *#unwritable(): Generator<string> {
    if (this.#store.problem !== undefined && !this.#end) yield this.#store.problem;
  }

  #expiredRoot(): string | undefined {
    const domains = [...(this.#live?.current.intent.trustDomains.values() ?? [])];
    return domains
      .map(({ value }) =>
        this.#expired(`the root of ${value.name}`, new X509Certificate(value.rootCertificatePem).validTo),
      )
      .find((problem) => problem !== undefined);
  }

  #expired(what: string, validTo: string): string | undefined {
    return Date.parse(validTo) <= this.#clock.now() ? `${what} expired on ${validTo}` : undefined;
  }
}
