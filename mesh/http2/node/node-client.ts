import * as http2 from 'node:http2';
import type { Clock } from '../../process/clock.ts';
import { NodeStream } from '../../net/node/node-stream.ts';
import { MeshError } from '../../process/mesh-error.ts';
import type { Carrier } from './carrier.ts';
import { limitControlFrames } from './control-frames.ts';
import { limitLinger } from './linger.ts';
import { withResets } from './node-stream.ts';
import { connectionWindow, plainHeaders, serverStreams, sessionMemory, settings } from './parameters.ts';
import { watchPings } from './pings.ts';
import { ResetBudget } from '../reset-budget.ts';
import type { ClientSession, ConnectRequest, ConnectResponse } from '../session.ts';
import { watchUnfinished } from './unfinished.ts';

/** Made once: node:http2 would parse the text for each session. */
const origin = new URL('https://hbone');

export function openClient(carrier: Carrier, clock: Clock, timeoutMillis: number): Promise<ClientSession> {
  const { socket } = carrier;
  const session = http2.connect(origin, {
    createConnection: () => socket,
    settings: { ...settings, maxHeaderListSize: 16 * 1024 },
    maxSessionMemory: sessionMemory,
  });
  limitLinger(session, socket, clock);
  return new Promise((resolve, reject) => {
    const refused = (error?: Error) => {
      timer.cancel();
      const why = error?.message ?? 'closed';
      reject(
        new MeshError('SESSION_FAILED', `the HTTP/2 session ended at its start: ${why}`, { cause: error }),
      );
    };
    const timer = clock.after(timeoutMillis, () =>
      session.destroy(new Error(`the peer sent no SETTINGS within ${timeoutMillis} ms`)),
    );
    session.once('error', refused).once('close', refused);
    // Without the peer's SETTINGS its stream limit is unknown, and whether it speaks HTTP/2 at all.
    session.once('remoteSettings', () => {
      timer.cancel();
      session.off('error', refused).off('close', refused);
      session.setLocalWindowSize(connectionWindow);
      resolve(new NodeClientSession(session, carrier, clock));
    });
  });
}

class NodeClientSession implements ClientSession {
  readonly #session: http2.ClientHttp2Session;
  readonly #carrier: Carrier;
  readonly #resets: ResetBudget;
  /** Called when something has come of the server's bytes. */
  readonly #completed: () => void;
  #failure: Error | undefined;
  #active = 0;
  #goneAway = false;

  constructor(session: http2.ClientHttp2Session, carrier: Carrier, clock: Clock) {
    this.#session = session;
    this.#carrier = carrier;
    session.on('error', (error: Error) => (this.#failure ??= error));
    session.on('goaway', () => (this.#goneAway = true));
    this.#completed = watchUnfinished(session, carrier.socket, clock);
    watchPings(session, clock, this.#completed);
    limitControlFrames(session, clock);
    this.#resets = new ResetBudget(clock, (then) => {
      if (!session.destroyed) session.ping((error) => !error && then());
    });
  }

  get activeStreams(): number {
    return this.#active;
  }

  get maxStreams(): number {
    return this.#session.remoteSettings.maxConcurrentStreams ?? serverStreams;
  }

  get usable(): boolean {
    return !this.#goneAway && !this.#session.closed && !this.#session.destroyed;
  }

  connect({ authority, headers }: ConnectRequest, signal: AbortSignal): Promise<ConnectResponse> {
    const failure = (why: string, cause?: unknown) =>
      new MeshError('CONNECT_FAILED', `CONNECT ${authority}: ${why}`, { cause });
    if (signal.aborted) return Promise.reject(failure('given up'));
    if (!this.usable) return Promise.reject(failure('the HTTP/2 session has ended'));
    return new Promise((resolve, reject) => {
      const stream = this.#session.request(
        { ...headers, ':method': 'CONNECT', ':authority': authority },
        { endStream: false },
      );
      withResets(stream, { onPayload: this.#completed });
      this.#active++;
      stream.once('close', () => this.#active--);
      const abort = () => {
        settle();
        this.#giveUp(stream);
        reject(failure('given up'));
      };
      const failed = (error?: Error) => {
        settle();
        reject(failure(error?.message ?? 'the stream was closed before an answer', error));
      };
      const answered = (response: http2.IncomingHttpHeaders, flags: number) => {
        settle();
        this.#completed();
        resolve(this.#answer(stream, response, flags));
      };
      const settle = () => {
        signal.removeEventListener('abort', abort);
        stream.off('error', failed).off('close', failed).off('response', answered);
      };
      signal.addEventListener('abort', abort, { once: true });
      stream.once('error', failed).once('close', failed).once('response', answered);
    });
  }

  onClose(listener: (error: Error | undefined) => void): void {
    this.#session.once('close', () => listener(this.#failure));
  }

  close(): void {
    this.#session.close();
  }

  destroy(error?: Error): void {
    this.#session.destroy(error);
  }

  #answer(
    stream: http2.ClientHttp2Stream,
    response: http2.IncomingHttpHeaders,
    flags: number,
  ): ConnectResponse {
    const status = Number(response[':status']);
    if (status !== 200) dismiss(stream, (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0);
    const tunnel = new NodeStream(stream, this.#carrier.stream);
    return { status, headers: plainHeaders(response), stream: tunnel };
  }

  /** Reset now or in its turn; an answer that comes before that is met with an ordinary end. */
  #giveUp(stream: http2.ClientHttp2Stream): void {
    const withdraw = this.#resets.spend(() => stream.destroy());
    stream.once('close', withdraw);
    stream.once('response', () => stream.resume().end());
  }
}

/** A refusal that is whole is answered by our own end: peers count resets. */
function dismiss(stream: http2.ClientHttp2Stream, whole: boolean): void {
  if (whole) stream.resume().end();
  else stream.destroy();
}
