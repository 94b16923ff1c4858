import { Client, connectivityState, type ClientDuplexStream } from '@grpc/grpc-js';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { openStream, type Headers } from '@isthmus/api/grpc/call.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { discoveryService } from '@isthmus/api/grpc/services.ts';
import type { DiscoveryNode, DiscoveryRequest } from '@isthmus/api/wire/discovery.ts';
import { ClientSession } from '@isthmus/mesh/delta/client-session.ts';
import type { DeltaRequest, DeltaResponse, Rejected, Resource } from '@isthmus/mesh/delta/messages.ts';
import { sleep, type Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { readTextAsync } from '@isthmus/mesh/process/read-text.ts';
import { parseControlPlane } from './control-plane.ts';

/** Applies a delta where the state lives and tells what of it was refused; the rest is in force then. */
export type Apply = (
  type: string,
  resources: readonly Resource[],
  removed: readonly string[],
) => readonly Rejected[] | Promise<readonly Rejected[]>;

export interface XdsClientConfig {
  /** `host:port`, with or without `https://`. */
  readonly address: string;
  /** PEM file of the roots that the control plane is verified against; read for every stream. */
  readonly rootCaFile: string;
  /** File of the bearer token, read for every stream; '' when there is none. */
  readonly tokenFile: string;
  readonly clusterId: string;
  readonly node: DiscoveryNode;
  /** In the order in which they are asked for. */
  readonly types: readonly string[];
  /** The address that the connection leaves from; '' leaves it to the kernel. */
  readonly localAddress: string;
}

export interface XdsClientDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly apply: Apply;
  /** A stream has been answered: what else goes over its channel may begin. Gives the function that ends that. */
  readonly onStream?: (client: Client, headers: Headers) => () => void;
  /** Once, when every type has been received whole and fully applied. */
  readonly onReady?: () => void;
}

type Stream = ClientDuplexStream<DiscoveryRequest, DeltaResponse>;

const connectTimeout = 5000;
const shortestWait = 10;
const longestWait = 15_000;

/** A proxy's source of truth: one delta stream at a time, for ever, resuming with what is held already. */
export class XdsClient {
  readonly #config: XdsClientConfig;
  readonly #deps: XdsClientDeps;
  readonly #session: ClientSession;
  #ready = false;
  #problem = 'not connected yet';

  constructor(config: XdsClientConfig, deps: XdsClientDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#session = new ClientSession(config.types);
  }

  /** Stays true once it is: a proxy serves its last state while the control plane is away. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Why there is no stream now; '' when there is one. */
  get problem(): string {
    return this.#problem;
  }

  /** Name to version of what is held of a type. */
  held(type: string): ReadonlyMap<string, string> {
    return this.#session.held(type);
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#deps;
    const stopped = () => signal.aborted;
    for (let attempt = 0; !stopped(); attempt++) {
      const { heard, problem } = await this.#once(signal);
      if (stopped()) return;
      if (heard) attempt = 0;
      if (problem !== this.#problem)
        log.warn({ address: this.#config.address, problem }, 'control plane is away');
      this.#problem = problem;
      const max = Math.min(longestWait, shortestWait * 2 ** Math.min(attempt, 30));
      await sleep(clock, max * (0.5 + random.fraction() / 2), signal).catch(() => undefined);
    }
  }

  /** One stream, from dial to end. `heard`: the control plane answered at least once. */
  async #once(signal: AbortSignal): Promise<{ heard: boolean; problem: string }> {
    let client: Client | undefined;
    let heard = false;
    try {
      client = await this.#dial();
      const headers = await this.#headers();
      const stream = openStream(client, discoveryService.deltaAggregatedResources, headers);
      const stop = this.#guard(client, stream, signal);
      let beside: (() => void) | undefined;
      try {
        for (const request of this.#session.open()) stream.write({ node: this.#config.node, request });
        for await (const response of stream as AsyncIterable<DeltaResponse>) {
          if (!heard) {
            this.#problem = '';
            beside = this.#deps.onStream?.(client, headers);
          }
          heard = true;
          stream.write({ node: undefined, request: await this.#answer(response) });
        }
      } finally {
        beside?.();
        stop();
      }
      return { heard, problem: 'the control plane ended the stream' };
    } catch (error) {
      return { heard, problem: error instanceof Error ? error.message : String(error) };
    } finally {
      client?.close();
    }
  }

  async #dial(): Promise<Client> {
    const { address, rootCaFile, localAddress } = this.#config;
    const { host, port } = parseControlPlane(address);
    const trust = trustServer(host, await readTextAsync(rootCaFile));
    const hostPort = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    const options = { ...channelOptions(32), ...trust.options };
    return new Client(boundTarget(hostPort, localAddress), trust.credentials, options);
  }

  async #headers(): Promise<Headers> {
    const { tokenFile, clusterId } = this.#config;
    const token = tokenFile === '' ? '' : (await readTextAsync(tokenFile)).trim();
    return { ...(token !== '' && { authorization: `Bearer ${token}` }), clusterid: clusterId };
  }

  /** Ends the stream on the signal, or when there is no connection in time. */
  #guard(client: Client, stream: Stream, signal: AbortSignal): () => void {
    const cancel = () => stream.cancel();
    const timer = this.#deps.clock.after(connectTimeout, () => {
      if (client.getChannel().getConnectivityState(false) !== connectivityState.READY) cancel();
    });
    // Its errors are those of the reading loop; without a listener one that comes late would end the process.
    stream.on('error', () => undefined);
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    return () => {
      timer.cancel();
      signal.removeEventListener('abort', cancel);
    };
  }

  /** Applies one response before the next is read: the stream waits, nothing piles up. */
  async #answer(response: DeltaResponse): Promise<DeltaRequest> {
    const reception = this.#session.receive(response);
    if (reception.kind === 'answer') return reception.request;
    const request = this.#session.settle(response, await this.#apply(response.type, reception));
    if (request.error !== '')
      this.#deps.log.warn(
        { type: request.type, error: request.error.slice(0, 2000) },
        'refused a part of the state',
      );
    if (!this.#ready && this.#session.allReady) {
      this.#ready = true;
      this.#deps.onReady?.();
    }
    return request;
  }

  async #apply(
    type: string,
    { resources, removed }: { resources: readonly Resource[]; removed: readonly string[] },
  ): Promise<readonly Rejected[]> {
    try {
      return await this.#deps.apply(type, resources, removed);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#deps.log.error({ type, reason }, 'a delta could not be applied');
      return resources.map(({ name }) => ({ name, reason }));
    }
  }
}
