import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';

/** How an API server is reached and who asks: read again for each call, as tokens and certificates are renewed. */
export interface Credentials {
  /** `https://host:port`, with a path before that of the API or without one. */
  readonly url: URL;
  /** PEM; without it the roots of the system are trusted. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name in the server's certificate, where it is not that of the URL. */
  readonly serverName?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Sent {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body?: { readonly type: string; readonly text: string } | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The server has not answered, or no longer sends, for so long. */
export class TooSlow extends Error {}

/** A caller has given up. */
export class GivenUp extends Error {}

/** How long an answer may take from the call to its headers, connecting included. */
export const answerMillis = 30_000;

/**
 * Calls over HTTPS to one API server. Connections are kept open. TLS is always verified, and no session is resumed, as
 * Node does not look at the name of the server then. No redirect is followed: a token goes nowhere else.
 */
export class HttpsCalls {
  readonly #credentials: () => Promise<Credentials>;
  readonly #clock: Clock;
  #agent: { readonly identity: string; readonly agent: Agent } | undefined;

  constructor(credentials: () => Promise<Credentials>, clock: Clock) {
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** Resolves to the head of the answer, whatever its status. Its body is to be read with `chunks`. */
  async send(sent: Sent): Promise<IncomingMessage> {
    const credentials = await this.#credentials();
    try {
      return await this.#attempt(credentials, sent);
    } catch (error) {
      // A connection that was kept may have been closed by the server just now: nothing was asked then.
      if (sent.method === 'GET' && error instanceof StaleConnection) return this.#attempt(credentials, sent);
      throw error instanceof StaleConnection ? error.cause : error;
    }
  }

  /** The body in pieces. Throws TooSlow when none comes for `silenceMillis`, and what the connection says. */
  async *chunks(
    response: IncomingMessage,
    silenceMillis: number,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Buffer> {
    let heardAt = this.#clock.monotonic();
    let timer: Timer | undefined;
    const look = (millis: number): void => {
      timer = this.#clock.after(millis, () => {
        const left = heardAt + silenceMillis - this.#clock.monotonic();
        if (left > 0) look(left);
        else response.destroy(new TooSlow(`nothing was sent for ${silenceMillis} ms`));
      });
    };
    const stop = () => response.destroy(new GivenUp('the call was given up'));
    look(silenceMillis);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      for await (const chunk of response) {
        heardAt = this.#clock.monotonic();
        yield chunk as Buffer;
      }
    } finally {
      timer?.cancel();
      signal?.removeEventListener('abort', stop);
    }
  }

  #attempt(credentials: Credentials, { method, path, body, signal }: Sent): Promise<IncomingMessage> {
    const { url, serverName, headers } = credentials;
    return new Promise((resolve, reject) => {
      const call = request({
        method,
        host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: url.port === '' ? 443 : Number(url.port),
        path: `${url.pathname.replace(/\/$/, '')}${path}`,
        agent: this.#agentFor(credentials),
        ...(serverName === undefined ? undefined : { servername: serverName }),
        headers: headersOf(headers, body),
      });
      const timer = this.#clock.after(answerMillis, () =>
        call.destroy(new TooSlow(`no answer within ${answerMillis} ms`)),
      );
      const stop = () => call.destroy(new GivenUp('the call was given up'));
      const settle = () => {
        timer.cancel();
        signal?.removeEventListener('abort', stop);
      };
      if (signal?.aborted) stop();
      signal?.addEventListener('abort', stop, { once: true });
      call.on('response', (response) => {
        settle();
        resolve(response);
      });
      call.on('error', (error: NodeJS.ErrnoException) => {
        settle();
        const isStale = call.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(isStale ? new StaleConnection('', { cause: error }) : error);
      });
      call.end(body?.text);
    });
  }

  /** Another certificate or root means other connections: those that are open go on until they end. */
  #agentFor({ url, ca, cert, key }: Credentials): Agent {
    const identity = JSON.stringify([url.origin, ca, cert, key]);
    if (this.#agent?.identity === identity) return this.#agent.agent;
    const agent = new Agent({
      keepAlive: true,
      maxCachedSessions: 0,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      ...(ca === undefined ? undefined : { ca }),
      ...(cert === undefined ? undefined : { cert }),
      ...(key === undefined ? undefined : { key }),
    });
    this.#agent = { identity, agent };
    return agent;
  }
}

class StaleConnection extends Error {}

const headersOf = (own: Credentials['headers'], body: Sent['body']): Record<string, string> => ({
  accept: 'application/json',
  ['user-agent']: 'isthmus',
  ...own,
  ...(body && { ['content-type']: body.type, ['content-length']: String(Buffer.byteLength(body.text)) }),
});
