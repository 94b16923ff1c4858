import { X509Certificate } from 'node:crypto';
import { Client, status, type ServerDuplexStream, type ServerWritableStream } from '@grpc/grpc-js';
import type { HubStatePage, IssuedCertificate, Shared } from '@isthmus/api/domain/replica.ts';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { openStream } from '@isthmus/api/grpc/call.ts';
import type { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { GrpcListener } from '@isthmus/api/grpc/listener.ts';
import { channelOptions, serverOptions } from '@isthmus/api/grpc/options.ts';
import { Pump } from '@isthmus/api/grpc/pump.ts';
import { trustPeer } from '@isthmus/api/grpc/server-trust.ts';
import { replicaService } from '@isthmus/api/grpc/services.ts';
import { hostOf } from '@isthmus/mesh/net/host-port.ts';
import { sleep, type Clock } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { ChangeSet } from '../keys/change-set.ts';
import type { ClientId } from '../keys/names.ts';
import type { Leadership } from '../leader/leadership.ts';
import type { ProxyFollower } from '../xds/follower.ts';
import type { ProxyClient } from '../xds/proxy-client.ts';
import type { AppliedEvent } from '../xds/server.ts';
import { Exchange, type ExchangeDeps } from './exchange.ts';
import { maxBytes, pagesOf, takeHubState, type Kept } from './hub-state.ts';
import { peerFault } from './peer-fault.ts';

/** Replicas that have an exchange with this one. */
export const maxExchanges = 8;
/** Between two attempts to reach the leader, milliseconds. */
const retryMillis = 1000;

interface Deps extends ExchangeDeps {
  /** Of the link: the cluster's own, and the CA of the link. */
  readonly certificates: Certificates;
  readonly leadership: Pick<Leadership, 'id' | 'leads' | 'leader' | 'onChange'>;
  readonly hubId: string;
  /** What the hub has sent; undefined: not everything is here. */
  readonly kept: () => Iterable<Kept> | undefined;
  readonly epoch: () => bigint;
  readonly taking: Parameters<typeof takeHubState>[1];
  /** The hub's state was taken from another replica. */
  readonly onHubState: (changes: ChangeSet) => void;
  readonly localAddress: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

interface PeerCall {
  getPeer(): string;
  getAuthContext(): { sslPeerCertificate?: unknown };
}

/**
 * The exchange of this replica with the others: it takes what they say at its own listener, and dials the one that leads.
 * Each end tells the other one what it knows of its own proxies, so that any of them can lead.
 */
export class ReplicaExchange implements Required<ProxyFollower> {
  readonly #deps: Deps;
  readonly #lines: LimitedLines;
  readonly #exchanges = new Set<Exchange>();
  readonly #listener: GrpcListener;
  /** Ends the wait between two attempts, and an exchange with a replica that does not lead any more. */
  #again = new AbortController();
  #dialled = '';

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#lines = new LimitedLines(deps.clock, deps.log);
    this.#listener = new GrpcListener({
      certificates: deps.certificates,
      mutual: true,
      proof: 'first-call',
      server: serverOptions(4),
      clock: deps.clock,
      log: deps.log,
    });
    this.#listener.addService(replicaService, {
      share: (call: ServerDuplexStream<Shared, Shared>) => this.#share(call),
      hubState: (call: ServerWritableStream<{ hubId: string }, HubStatePage>) => this.#hubState(call),
    });
    deps.leadership.onChange(() => {
      if (this.#target() !== this.#dialled) this.#again.abort();
    });
  }

  /** Exchanges that stand, at both ends. */
  get size(): number {
    return this.#exchanges.size;
  }

  /** Resolves with the port. Throws LISTEN_FAILED. */
  listen(address: string): Promise<number> {
    return this.#listener.listen(address, '--replica-listen');
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#deps;
    while (!signal.aborted) {
      this.#again = new AbortController();
      const over = AbortSignal.any([signal, this.#again.signal]);
      const target = (this.#dialled = this.#target());
      if (target !== '') {
        const why = await this.#dial(target, over);
        if (!over.aborted) log.info({ target, why }, 'the exchange with the replica that leads has ended');
      }
      const wait = target === '' ? 60_000 : retryMillis * (1 + random.fraction());
      await sleep(clock, wait, over).catch(() => undefined);
    }
    await this.#listener.close();
  }

  opened(client: ProxyClient): void {
    for (const one of this.#exchanges) one.opened(client);
  }

  lost(client: ProxyClient): void {
    for (const one of this.#exchanges) one.lost(client);
  }

  answered(event: AppliedEvent): void {
    for (const one of this.#exchanges) one.answered(event);
  }

  reported(client: ClientId): void {
    for (const one of this.#exchanges) one.reported(client);
  }

  issued(certificate: IssuedCertificate): void {
    for (const one of this.#exchanges) one.issued(certificate);
  }

  /** Where the replica that leads is reached; '': this one leads, or it is not known. */
  #target(): string {
    const { leadership } = this.#deps;
    const { leader } = leadership;
    return leadership.leads() || !leader || leader.id === leadership.id ? '' : leader.address;
  }

  #fault(shown: Buffer | undefined): string | undefined {
    return peerFault(new X509Certificate(this.#deps.certificates.identity.chain), shown);
  }

  #faultOf(call: PeerCall): string | undefined {
    const shown = call.getAuthContext().sslPeerCertificate as { raw?: Buffer } | undefined;
    const fault = this.#fault(shown?.raw);
    if (fault !== undefined)
      this.#lines.warn('peer', { peer: call.getPeer(), fault }, 'a replica was refused');
    return fault;
  }

  #share(call: ServerDuplexStream<Shared, Shared>): void {
    const refuse = (code: status, details: string) => void call.emit('error', { code, details });
    const fault = this.#faultOf(call);
    if (fault !== undefined) return refuse(status.PERMISSION_DENIED, fault);
    if (this.#exchanges.size >= maxExchanges)
      return refuse(
        status.RESOURCE_EXHAUSTED,
        `${maxExchanges} replicas have an exchange with this one: stop some`,
      );
    call.on('end', () => call.end());
    this.#begin(call, refuse);
  }

  #begin(
    call: ConstructorParameters<typeof Exchange>[1],
    refuse: (code: status, why: string) => void,
    onOver: () => void = () => undefined,
  ): void {
    const one: Exchange = new Exchange(this.#deps, call, {
      refuse: (code, why) => {
        this.#lines.warn('exchange', { why }, 'the exchange with a replica is ended');
        refuse(code, why);
      },
      onOver: () => {
        this.#exchanges.delete(one);
        onOver();
      },
    });
    this.#exchanges.add(one);
  }

  /** Resolves with why it ended. */
  async #dial(target: string, signal: AbortSignal): Promise<string> {
    const { certificates, localAddress } = this.#deps;
    const trust = trustPeer(hostOf(target), certificates, (raw) => this.#fault(raw));
    const options = { ...channelOptions(4), ...trust.options };
    const client = new Client(boundTarget(target, localAddress), trust.credentials, options);
    try {
      return await this.#exchangeOver(client, signal);
    } finally {
      client.close();
    }
  }

  #exchangeOver(client: Client, signal: AbortSignal): Promise<string> {
    return new Promise((resolve) => {
      const call = openStream(client, replicaService.share);
      let why = 'it was ended';
      call.on('error', (error: Error) => (why = error.message));
      const cancel = () => call.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      this.#begin(call, cancel, () => {
        signal.removeEventListener('abort', cancel);
        // The error of a call comes with its end.
        setImmediate(() => resolve(why));
      });
      if (signal.aborted) cancel();
      this.#askHubState(client);
    });
  }

  /** Serves what the hub has sent, where all of it is here. */
  #hubState(call: ServerWritableStream<{ hubId: string }, HubStatePage>): void {
    const { hubId, kept, epoch } = this.#deps;
    const fault = this.#faultOf(call);
    const refuse = (code: status, details: string) => void call.emit('error', { code, details });
    if (fault !== undefined) return refuse(status.PERMISSION_DENIED, fault);
    const resources = call.request.hubId === hubId ? kept() : undefined;
    if (!resources)
      return refuse(status.FAILED_PRECONDITION, 'this replica has not everything that the hub sends');
    const pages = pagesOf(resources, epoch());
    const pump = new Pump(call, () => {
      const page = pages.next();
      if (!page.done) return page.value;
      call.end();
      return undefined;
    });
    for (const event of ['cancelled', 'error', 'close']) call.on(event, () => pump.stop());
    pump.wake();
  }

  /** Asks for the hub's state where this replica has none. The hub itself may be away. */
  #askHubState(client: Client): void {
    const { taking, hubId, onHubState, log } = this.#deps;
    if (taking.hubStore.complete) return;
    const { path, requestSerialize, responseDeserialize } = replicaService.hubState;
    const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, { hubId });
    const pages: HubStatePage[] = [];
    let bytes = 0;
    call.on('error', (error: Error) =>
      this.#lines.warn('state', { why: error.message }, 'the hub’s state was not taken from another replica'),
    );
    call.on('data', (page: HubStatePage) => {
      bytes += page.resources.reduce((sum, { body }) => sum + body.length, 0);
      if (bytes > maxBytes) call.cancel();
      else pages.push(page);
    });
    call.on('end', () => {
      const changes = takeHubState(pages, taking);
      if (!changes) return;
      log.info({ bytes }, 'the hub’s state was taken from the replica that leads');
      onHubState(changes);
    });
  }
}
