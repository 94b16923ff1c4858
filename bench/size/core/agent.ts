import { Metadata } from '@grpc/grpc-js';
import { digestGroup } from '@isthmus/api/domain/digest-group.ts';
import type { HealthAnswer, HealthReport, ServiceHealth } from '@isthmus/api/domain/report.ts';
import { digestsHeader, epochHeader } from '@isthmus/api/grpc/services.ts';
import { downTypes, upTypes, type DownType, type SyncMessage } from '@isthmus/api/wire/link.ts';
import { digestsOf, type Digests } from '@isthmus/mesh/delta/digest.ts';
import type { DeltaRequest, DeltaResponse } from '@isthmus/mesh/delta/messages.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import { SharedVersions } from '@isthmus/mesh/delta/shared-versions.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { MemoryCall } from './memory-call.ts';
import type { Core } from './start.ts';
import type { ClusterReports } from './world.ts';

interface AgentOptions {
  readonly certificate: Buffer;
  readonly peer: string;
  readonly handlers: Pick<Core['handlers'], 'sync' | 'health'>;
  readonly reports: ClusterReports;
  /** Of `reports`. */
  readonly mark: (name: string, version: string) => bigint;
  /** What the hub has for it: it holds all of that already. */
  readonly digests: (type: DownType) => Digests;
  readonly counts: readonly ServiceHealth[];
  readonly onReceived: (response: DeltaResponse) => void;
}

/**
 * An agent that was there before and is back, without a connection: it says by digests that it holds everything, and
 * acknowledges whatever it is sent. It keeps nothing of that, as the memory that is measured is the hub's.
 */
export class CoreAgent {
  readonly #sync: MemoryCall<SyncMessage, SyncMessage>;
  readonly #health: MemoryCall<HealthReport, HealthAnswer>;
  readonly #up: ServerSession;
  readonly #options: AgentOptions;
  #sequence = 0;

  constructor(options: AgentOptions) {
    const { certificate, peer, handlers } = (this.#options = options);
    this.#up = this.#reporting();
    const headers = new Metadata();
    headers.set(epochHeader, '0');
    headers.set(digestsHeader, '1');
    const connection = { certificate, peer, headers };
    this.#sync = new MemoryCall({
      ...connection,
      hear: (message) => this.#hear(message),
      onHeaders: () => this.#open(),
    });
    this.#health = new MemoryCall({ ...connection, hear: () => undefined });
    handlers.sync(this.#sync);
    handlers.health(this.#health);
    this.count(options.counts);
  }

  /** A health report with counts. */
  count(services: readonly ServiceHealth[]): void {
    this.#report({ services });
  }

  /** One without anything new. */
  beat(): void {
    this.#report({ services: [], partial: true });
  }

  #report(counts: Pick<HealthReport, 'services' | 'partial'>): void {
    const sequence = ++this.#sequence;
    const sentAt = systemClock.now();
    this.#health.say({ sequence, sentAt, proxiesConnected: 1, workloads: 1, unreadable: [], ...counts });
  }

  #open(): void {
    for (const type of downTypes)
      this.#request({ ...answer(type, ''), digests: this.#options.digests(type) });
  }

  #hear(message: SyncMessage): void {
    if (message.kind === 'response') {
      const { type, nonce } = message.response;
      this.#options.onReceived(message.response);
      return this.#request(answer(type, nonce));
    }
    this.#up.request(message.request);
    for (let response = this.#up.next(); response; response = this.#up.next())
      this.#sync.say({ kind: 'response', response });
  }

  #request(request: DeltaRequest): void {
    this.#sync.say({ kind: 'request', request });
  }

  #reporting(): ServerSession {
    const { reports, mark } = this.#options;
    const ofType = (type: string) => reports.get(type) ?? new Map<string, never>();
    return new ServerSession({
      types: upTypes,
      groupOf: digestGroup,
      lookup: (type) => ({
        resources: ofType(type),
        systemVersion: { epoch: 1n, revision: 1n },
        complete: true,
      }),
      known: (type, held) => new SharedVersions(ofType(type), held),
      digests(type) {
        const versions = [...ofType(type)].map(([name, { version }]) => [name, version] as const);
        return digestsOf(versions, (name) => digestGroup(type, name), mark);
      },
    });
  }
}

const answer = (type: string, nonce: string): DeltaRequest => ({
  type,
  subscribe: [],
  unsubscribe: [],
  initialVersions: new Map(),
  nonce,
  error: '',
});
