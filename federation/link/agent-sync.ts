import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { downTypes, upTypes, type SyncMessage } from '@isthmus/api/wire/link.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import type { DeltaResponse, Resource } from '@isthmus/mesh/delta/messages.ts';
import { ServerSession } from '@isthmus/mesh/delta/server-session.ts';
import type { HubPorts } from './ports.ts';
import type { Reports } from './reports.ts';
import type { AgentSession } from './sessions.ts';

/** One agent's Sync stream: what its cluster must know goes down, what it reports comes up. */
export class AgentSync implements AgentSession {
  readonly cluster: string;
  readonly id: string;
  readonly #call: ServerDuplexStream<SyncMessage, SyncMessage>;
  readonly #hub: HubPorts;
  readonly #reports: Reports;
  readonly #down: ServerSession;
  readonly #up: ClientSession;
  readonly #pump: Pump<SyncMessage>;
  /** Requests and acknowledgements that wait for room: at most one for each response under way. */
  readonly #answers: SyncMessage[] = [];
  readonly #last = new Map<string, unknown>();

  constructor(
    cluster: string,
    call: ServerDuplexStream<SyncMessage, SyncMessage>,
    hub: HubPorts,
    reports: Reports,
  ) {
    this.cluster = cluster;
    this.id = hub.random.id();
    this.#call = call;
    this.#hub = hub;
    this.#reports = reports;
    this.#up = new ClientSession(upTypes, reports.versions());
    this.#down = new ServerSession({
      types: downTypes,
      lookup: (type) => ({ resources: hub.resources(cluster, type), moment: this.#moment(), complete: true }),
      hold: (type, name) => type === 'remote' && this.#isHeld(name),
    });
    this.#pump = new Pump(call, () => this.#answers.shift() ?? this.#nextDown());
    for (const request of this.#up.open()) this.#answers.push({ kind: 'request', request });
    this.#pump.wake();
  }

  hear(message: SyncMessage): void {
    if (message.kind === 'response')
      this.#answers.push({ kind: 'request', request: this.#take(message.response) });
    else {
      const heard = this.#down.request(message.request);
      if (!heard.ok) return this.end(heard.error);
    }
    this.#pump.wake();
  }

  wake(): void {
    for (const type of downTypes) {
      const resources = this.#hub.resources(this.cluster, type);
      // Held names are let go when a shard becomes synced, which replaces no map: remotes are always looked at again.
      if (this.#last.get(type) !== resources || type === 'remote') this.#down.changed(type);
      this.#last.set(type, resources);
    }
    this.#pump.wake();
  }

  end(reason: string, code = status.PERMISSION_DENIED): void {
    this.#pump.stop();
    this.#call.emit('error', { code, details: reason });
  }

  #moment() {
    const { epoch, intent } = this.#hub.snapshot();
    return { epoch: BigInt(epoch), revision: BigInt(intent.revision) };
  }

  #nextDown(): SyncMessage | undefined {
    const response = this.#down.next();
    return response && { kind: 'response', response };
  }

  /** Until a cluster has synced in this epoch, what others hold of it is neither replaced nor removed. */
  #isHeld(name: string): boolean {
    const cluster = name.split('/')[0] ?? '';
    const { intent, observed } = this.#hub.snapshot();
    if (intent.clusters.get(cluster)?.value.admission !== 'ADMITTED') return false;
    return !(observed.get(cluster)?.synced ?? false);
  }

  #take(response: DeltaResponse) {
    const now = this.#hub.clock.now();
    const request = this.#up.response(response, (resources: readonly Resource[], removed) => {
      const { change, rejected } = this.#reports.apply(response.type, resources, removed, now);
      this.#hub.updateShard(this.cluster, change);
      if (resources.length + removed.length > 0) this.#hub.saveReports(this.cluster, this.#reports.save());
      return rejected;
    });
    if (this.#up.allReady)
      this.#hub.updateShard(this.cluster, (shard) => (shard.synced ? shard : { ...shard, synced: true }));
    return request;
  }
}
