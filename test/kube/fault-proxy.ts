import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

/** What an API server that is not well answers. */
export type Fault =
  | { readonly kind: 'STATUS'; readonly status: number; readonly retryAfterSeconds?: number }
  /** It takes the request, and says nothing. Watches that are open say nothing any more, and stay open. */
  | { readonly kind: 'HANG' }
  /** It takes the request, does what it asks for, and never answers. */
  | { readonly kind: 'LOST_ANSWER' };

/** A request as a fault is chosen by. */
export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly isWatch: boolean;
}

interface Upstream {
  readonly url: string;
  /** Folder of `apiserver.crt` and `apiserver.key`: the proxy shows the certificate of the server. */
  readonly certificates: string;
}

const isWatch = (path: string): boolean => /[?&]watch=true/.test(path);

/**
 * HTTPS in front of a real API server: it passes on what it gets, and answers by itself what a fault is for. What is asked
 * for meanwhile does not reach the server.
 */
export class FaultProxy {
  /** The fault that a request meets. */
  fault: (asked: Asked) => Fault | undefined = () => undefined;
  /** Is awaited before a request is passed on. */
  before: (asked: Asked) => Promise<void> | undefined = () => undefined;
  /** The requests that met a fault since `heal`, and the watches that were cut. */
  readonly met: Asked[] = [];
  readonly #upstream: Upstream;
  readonly #agent: Agent;
  readonly #server: Server;
  readonly #watches = new Map<ServerResponse, Asked>();

  private constructor(upstream: Upstream) {
    this.#upstream = upstream;
    const read = (name: string) => readFileSync(`${upstream.certificates}/${name}`);
    this.#agent = new Agent({ keepAlive: true, ca: read('apiserver.crt') });
    this.#server = createServer(
      { cert: read('apiserver.crt'), key: read('apiserver.key') },
      (asked, answer) => {
        void this.#serve(asked, answer).catch(() => answer.destroy());
      },
    );
  }

  static async start(upstream: Upstream): Promise<FaultProxy> {
    const proxy = new FaultProxy(upstream);
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on requests of these, or all of them, meet this fault. */
  break(fault: Fault, ofThese: (asked: Asked) => boolean = () => true): void {
    this.fault = (asked) => (ofThese(asked) ? fault : undefined);
  }

  /** What is open and hangs stays so. */
  heal(): void {
    this.fault = () => undefined;
    this.before = () => undefined;
    this.met.length = 0;
  }

  /** Ends each open watch in the middle of a line. */
  cutWatches(): void {
    for (const [answer, asked] of this.#watches) {
      this.met.push(asked);
      answer.write('{"type":"MODIFIED","object":{"kind":"Po', () => answer.destroy());
    }
    this.#watches.clear();
  }

  /** Ends each open watch with an event that says that its resourceVersion is forgotten, as a server that compacts does. */
  forgetWatches(): void {
    const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', code: 410 };
    for (const [answer, asked] of this.#watches) {
      this.met.push(asked);
      answer.end(
        `${JSON.stringify({ type: 'ERROR', object: { ...status, message: 'too old resource version' } })}\n`,
      );
    }
    this.#watches.clear();
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await once(this.#server, 'close');
  }

  async #serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = request;
    const asked = { method, path, isWatch: isWatch(path) };
    answer.on('error', () => undefined);
    await this.before(asked);
    const fault = this.fault(asked);
    if (fault) this.met.push(asked);
    if (fault?.kind === 'STATUS') {
      this.#refuse(request, answer, fault);
      return;
    }
    if (fault?.kind === 'HANG') {
      request.resume();
      return;
    }
    const upstream = await this.#passOn(request, asked);
    if (fault) {
      upstream.resume();
      return;
    }
    answer.writeHead(upstream.statusCode ?? 502, upstream.headers);
    answer.flushHeaders();
    if (asked.isWatch) this.#watches.set(answer, asked);
    answer.once('close', () => {
      this.#watches.delete(answer);
      upstream.destroy();
    });
    upstream.on('error', () => answer.destroy());
    upstream.on('data', (chunk: Buffer) => {
      // One that hangs says nothing on what is open either.
      if (this.fault(asked)?.kind === 'HANG') this.#silence(answer);
      else if (!asked.isWatch || this.#watches.has(answer)) answer.write(chunk);
    });
    upstream.on('end', () => answer.end());
  }

  /** What is silent once does not speak again, as after a failover to another server. */
  #silence(answer: ServerResponse): void {
    this.#watches.delete(answer);
  }

  #refuse(asked: IncomingMessage, answer: ServerResponse, fault: Extract<Fault, { kind: 'STATUS' }>): void {
    const { status, retryAfterSeconds } = fault;
    const headers: OutgoingHttpHeaders = { 'content-type': 'application/json' };
    if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds);
    asked.resume();
    const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status };
    answer.writeHead(status, headers).end(JSON.stringify({ ...body, message: `made to answer ${status}` }));
  }

  #passOn(asked: IncomingMessage, { method, path }: Asked): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers = { ...asked.headers };
      delete headers.host;
      const passed = request(
        `${this.#upstream.url}${path}`,
        { method, headers, agent: this.#agent },
        resolve,
      );
      passed.on('error', reject);
      asked.pipe(passed);
    });
  }
}
