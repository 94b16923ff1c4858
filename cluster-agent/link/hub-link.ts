import { Client, connectivityState } from '@grpc/grpc-js';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import type { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustMutually } from '@isthmus/api/grpc/server-trust.ts';
import { hostOf } from '@isthmus/mesh/net/host-port.ts';
import { sleep, type Timer } from '@isthmus/mesh/process/clock.ts';
import { AgentError } from '../agent-error.ts';
import { backoff } from './backoff.ts';
import { HubSession } from './hub-session.ts';
import type { LinkShared } from './link-deps.ts';
import { connectPatience } from './patience.ts';
import { syncStream } from './streams/sync.ts';
import type { LinkState, Target } from './targets.ts';

/** Asked again: the signal may have aborted while something was awaited. */
const isOver = ({ aborted }: AbortSignal): boolean => aborted;

/** One link: a connection that is tried again for ever, at each of its addresses in turn. */
export class HubLink {
  #target: Target;
  readonly #shared: LinkShared;
  readonly #certificates: Certificates;
  /** It begins or ends to be heard. */
  readonly #onChange: () => void;
  #client: Client | undefined;
  #session: HubSession | undefined;
  #isSource = false;
  /** Opens the streams again on the connection that there is. */
  #openAgain: () => void = () => undefined;
  /** Attempts since the hub was heard last. */
  #misses = 0;

  constructor(target: Target, shared: LinkShared, certificates: Certificates, onChange: () => void) {
    this.#target = target;
    this.#shared = shared;
    this.#certificates = certificates;
    this.#onChange = onChange;
  }

  get state(): LinkState {
    const sync = this.#session?.stream(syncStream);
    return {
      isSource: this.#isSource,
      heard: this.#session?.heard ?? false,
      synced: sync?.synced ?? false,
      epoch: sync?.epoch ?? 0n,
    };
  }

  get session(): HubSession | undefined {
    return this.#session;
  }

  /** Throws HUB_UNREACHABLE while there is none. */
  get client(): Client {
    if (this.#client) return this.#client;
    throw new AgentError('HUB_UNREACHABLE', 'the link to the hub is down: it is tried again all the time');
  }

  /** Whether the hub's view is taken from this link. A session on which it was asked for must end for another to take it. */
  setSource(isSource: boolean): void {
    this.#isSource = isSource;
    const sync = this.#session?.stream(syncStream);
    if (isSource) sync?.takeView();
    else if (sync?.takesView) this.#session?.end('the view is taken from another link now');
  }

  /** Opens the streams again, on the same connection: what they were opened with is another now. */
  reopen(why: string): void {
    const before = this.#session;
    if (!before) return;
    this.#openAgain();
    before.end(why);
  }

  /** At the next attempt. */
  reachAt(target: Target): void {
    this.#target = target;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#shared.deps;
    for (let attempt = 0, dials = 0; !signal.aborted; attempt++, dials++) {
      const started = clock.monotonic();
      const { endpoints } = this.#target;
      const endpoint = endpoints[dials % endpoints.length] ?? '';
      const why = await this.#connect(endpoint, signal);
      if (this.#misses === 0 && clock.monotonic() - started > 5000) attempt = 0;
      if (isOver(signal)) break;
      log.warn(
        { why, attempt, endpoint },
        'the link to the hub ended; this cluster goes on with what it knows',
      );
      await sleep(clock, backoff(attempt, random, 50, 3000), signal).catch(() => undefined);
    }
  }

  #clientFor(endpoint: string): Client {
    const trust = trustMutually(hostOf(endpoint), this.#certificates);
    const target = boundTarget(endpoint, this.#shared.deps.localAddress);
    return new Client(target, trust.credentials, { ...channelOptions(4), ...trust.options });
  }

  /** Resolves with why it ended. */
  #connect(endpoint: string, signal: AbortSignal): Promise<string> {
    const client = (this.#client = this.#clientFor(endpoint));
    return new Promise((resolve) => {
      const stop = () => this.#session?.end('stopped');
      const onEnd = (session: HubSession, why: string) => {
        // Another session has the connection now.
        if (this.#session !== session) return;
        signal.removeEventListener('abort', stop);
        giveUp.cancel();
        this.#misses = session.heard ? 0 : this.#misses + 1;
        this.#session = undefined;
        this.#client = undefined;
        client.close();
        this.#onChange();
        resolve(why);
      };
      this.#openAgain = () => {
        const session: HubSession = new HubSession(client, this.#shared, this.#isSource, {
          onHeard: this.#onChange,
          onEnd: (why) => onEnd(session, why),
        });
        this.#session = session;
      };
      this.#openAgain();
      signal.addEventListener('abort', stop, { once: true });
      const giveUp = this.#giveUpLater(client);
    });
  }

  /** Connections that do not come about are left for the next address: grpc-js would wait for much longer. */
  #giveUpLater(client: Client): Timer {
    const patience = connectPatience(this.#misses, this.#target.endpoints.length);
    return this.#shared.deps.clock.after(patience, () => {
      if (client.getChannel().getConnectivityState(false) === connectivityState.READY) return;
      this.#session?.end(`it did not answer within ${patience} ms`);
    });
  }
}
