import { status } from '@grpc/grpc-js';
import type { IssuedCertificate, Shared } from '@isthmus/api/domain/replica.ts';
import { Pump, type Writable } from '@isthmus/api/grpc/pump.ts';
import type { ClusterHealth } from '../health/cluster-health.ts';
import { parseClientId, type ClientId } from '../keys/names.ts';
import type { ProxyReports } from '../proxies/proxy-reports.ts';
import type { ProxyFollower } from '../xds/follower.ts';
import type { ProxyClient } from '../xds/proxy-client.ts';
import type { AppliedEvent, XdsServer } from '../xds/server.ts';
import { Outgoing } from './outgoing.ts';

/** What is exchanged. */
export interface ExchangeDeps {
  readonly xds: Pick<XdsServer, 'own' | 'ownStream' | 'remote'>;
  readonly reports: Pick<ProxyReports, 'own' | 'setRemote'>;
  readonly health: Pick<ClusterHealth, 'allIssued' | 'issuedElsewhere'>;
}

/** A stream between two replicas, of which each has one end. */
interface SharedStream extends Writable<Shared> {
  on(event: 'data', listener: (message: Shared) => void): unknown;
  on(event: 'end' | 'cancelled' | 'error' | 'close', listener: () => void): unknown;
}

/**
 * One end of a stream between two replicas: what this one knows of its own proxies goes out, and the proxies of the other
 * one are at `xds.remote` until the stream ends.
 */
export class Exchange implements Required<ProxyFollower> {
  readonly #deps: ExchangeDeps;
  readonly #outgoing: Outgoing;
  readonly #pump: Pump<Shared>;
  readonly #refuse: (code: status, why: string) => void;
  readonly #reporting = new Set<ClientId>();
  #isOver = false;

  constructor(
    deps: ExchangeDeps,
    call: SharedStream,
    events: {
      readonly refuse: (code: status, why: string) => void;
      readonly onOver: (one: Exchange) => void;
    },
  ) {
    this.#deps = deps;
    this.#refuse = events.refuse;
    const facts = (client: ClientId) => deps.reports.own(client);
    const { xds } = deps;
    const proxies = { own: () => xds.own(), ownStream: (id: string) => xds.ownStream(id), facts };
    this.#outgoing = new Outgoing(proxies, deps.health.allIssued());
    this.#pump = new Pump(call, () => (this.#isOver ? undefined : this.#outgoing.next()));
    call.on('data', (message) => this.#hear(message));
    const over = () => {
      if (this.#isOver) return;
      this.#stop();
      events.onOver(this);
    };
    for (const event of ['end', 'cancelled', 'error', 'close'] as const) call.on(event, over);
    this.#pump.wake();
  }

  opened({ id }: ProxyClient): void {
    this.#outgoing.opened(id);
    this.#pump.wake();
  }

  lost({ id }: ProxyClient): void {
    this.#outgoing.lost(id);
    this.#pump.wake();
  }

  answered({ client, type, applied, removed, rejected }: AppliedEvent): void {
    this.#outgoing.answered(client.id, type, [...applied.keys(), ...removed, ...rejected.keys()]);
    this.#pump.wake();
  }

  reported(client: ClientId): void {
    this.#outgoing.reported(client);
    this.#pump.wake();
  }

  issued(certificate: IssuedCertificate): void {
    this.#outgoing.issued(certificate);
    this.#pump.wake();
  }

  #hear(message: Shared): void {
    if (this.#isOver) return;
    const why = this.#take(message);
    if (why !== undefined) this.#refuse(status.RESOURCE_EXHAUSTED, why);
  }

  /** Why the other replica is not heard any more; undefined: it is. */
  #take(message: Shared): string | undefined {
    const { xds, health } = this.#deps;
    switch (message.kind) {
      case 'opened':
        return xds.remote.opened(message.proxy, this);
      case 'holds':
        return xds.remote.holds(message, this);
      case 'lost':
        this.#says(message.proxy, undefined);
        xds.remote.lost(message.proxy, this);
        return undefined;
      case 'says':
        this.#says(message.proxy, message.report);
        return undefined;
      case 'certificates':
        health.issuedElsewhere(message.issued);
        return undefined;
    }
  }

  #says(proxy: string, report: Extract<Shared, { kind: 'says' }>['report']): void {
    const { xds, reports } = this.#deps;
    const id = parseClientId(proxy);
    if (!id.ok || !xds.remote.isFrom(proxy, this)) return;
    if (report) this.#reporting.add(id.value);
    else this.#reporting.delete(id.value);
    reports.setRemote(id.value, report);
  }

  #stop(): void {
    this.#isOver = true;
    this.#pump.stop();
    for (const client of this.#reporting) this.#deps.reports.setRemote(client, undefined);
    this.#deps.xds.remote.ended(this);
  }
}
