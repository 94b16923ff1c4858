import * as http2 from 'node:http2';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '../process/clock.ts';
import { CodedError } from '../process/coded-error.ts';
import type {
  ClientSession,
  ConnectRequest,
  ConnectResponse,
  Headers,
  Http2,
  IncomingConnect,
  ServerSession,
} from './session.ts';

/** HTTP/2 parameters as Istio's ztunnel uses them; bytes and milliseconds. */
const streamWindow = 4 * 1024 * 1024;
const connectionWindow = 16 * 1024 * 1024;
const maxFrame = 1024 * 1024;
const serverStreams = 200;
const pingEvery = 10_000;
const pingTimeout = 20_000;

const common = { initialWindowSize: streamWindow, maxFrameSize: maxFrame, enablePush: false };

/** HTTP/2 CONNECT sessions on Node's own implementation. */
export function nodeHttp2(clock: Clock): Http2 {
  return {
    client: (socket, timeoutMillis) => openClient(socket, clock, timeoutMillis),
    server: (socket, onConnect) => openServer(socket, clock, onConnect),
  };
}

function openClient(socket: TLSSocket, clock: Clock, timeoutMillis: number): Promise<ClientSession> {
  const session = http2.connect('https://hbone', {
    createConnection: () => socket,
    settings: { ...common, maxHeaderListSize: 16 * 1024 },
    // Megabytes: windows of that many bytes may be in flight.
    maxSessionMemory: 64,
  });
  return new Promise((resolve, reject) => {
    const refused = (error?: Error) => {
      timer.cancel();
      const why = error?.message ?? 'closed';
      reject(
        new CodedError('SESSION_FAILED', `the HTTP/2 session ended at its start: ${why}`, { cause: error }),
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
      resolve(new NodeClientSession(session, clock));
    });
  });
}

class NodeClientSession implements ClientSession {
  readonly #session: http2.ClientHttp2Session;
  readonly #closed: (() => Error | undefined)[] = [];
  #active = 0;
  #goneAway = false;

  constructor(session: http2.ClientHttp2Session, clock: Clock) {
    this.#session = session;
    session.on('error', (error: Error) => this.#closed.push(() => error));
    session.on('goaway', () => (this.#goneAway = true));
    watchPings(session, clock);
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
      new CodedError('CONNECT_FAILED', `CONNECT ${authority}: ${why}`, { cause });
    if (signal.aborted) return Promise.reject(failure('given up'));
    if (!this.usable) return Promise.reject(failure('the HTTP/2 session has ended'));
    return new Promise((resolve, reject) => {
      const stream = this.#session.request(
        { ...headers, ':method': 'CONNECT', ':authority': authority },
        { endStream: false },
      );
      this.#active++;
      stream.once('close', () => this.#active--);
      const abort = () => stream.close(http2.constants.NGHTTP2_CANCEL);
      signal.addEventListener('abort', abort, { once: true });
      const failed = (error?: Error) => {
        signal.removeEventListener('abort', abort);
        const why = signal.aborted
          ? 'given up'
          : (error?.message ?? 'the stream was closed before an answer');
        reject(failure(why, error));
      };
      // Outlives the answer: a stream that is reset before it has an owner must not end the process.
      stream.on('error', () => undefined);
      stream.once('error', failed).once('close', failed);
      stream.once('response', (response) => {
        signal.removeEventListener('abort', abort);
        stream.off('error', failed).off('close', failed);
        resolve(answer(stream, response));
      });
    });
  }

  onClose(listener: (error: Error | undefined) => void): void {
    this.#session.once('close', () => listener(this.#closed[0]?.()));
  }

  close(): void {
    this.#session.close();
  }

  destroy(error?: Error): void {
    this.#session.destroy(error);
  }
}

function answer(stream: http2.ClientHttp2Stream, response: http2.IncomingHttpHeaders): ConnectResponse {
  const status = Number(response[':status']);
  if (status !== 200) stream.close(http2.constants.NGHTTP2_CANCEL);
  return { status, headers: plain(response), stream };
}

function openServer(
  socket: TLSSocket,
  clock: Clock,
  onConnect: (incoming: IncomingConnect) => void,
): ServerSession {
  const session = http2.performServerHandshake(socket, {
    settings: { ...common, maxConcurrentStreams: serverStreams, maxHeaderListSize: 64 * 1024 },
    maxSessionMemory: 64,
    maxSessionInvalidFrames: 100,
    // Applications that abort their connections reset streams, and one session carries many of them; nghttp2 tells
    // those from an attack by their number alone.
    streamResetBurst: 2000,
    streamResetRate: 1000,
  });
  let failure: Error | undefined;
  session.on('error', (error: Error) => (failure = error));
  session.once('remoteSettings', () => session.setLocalWindowSize(connectionWindow));
  session.on('stream', (stream, headers) => receive(stream, headers, onConnect));
  watchPings(session, clock);
  return {
    onClose: (listener) => void session.once('close', () => listener(failure)),
    close: () => shutDown(session),
    destroy: (error) => session.destroy(error),
  };
}

/**
 * In two steps (RFC 9113 6.8): what the peer has opened before it hears of the end is still served. The answer to the
 * PING says that it has heard.
 */
function shutDown(session: http2.ServerHttp2Session): void {
  if (session.closed || session.destroyed) return;
  session.goaway(http2.constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
  session.ping(() => session.close());
}

function receive(
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  onConnect: (incoming: IncomingConnect) => void,
): void {
  // Until somebody owns the stream, an error on it concerns nobody.
  stream.on('error', () => undefined);
  const authority = headers[':authority'] ?? '';
  if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== undefined) return refuse(stream, 400, {});
  const gone = new AbortController();
  stream.once('close', () => gone.abort());
  onConnect({
    authority,
    headers: plain(headers),
    gone: gone.signal,
    accept: (fields): Duplex => {
      if (!stream.destroyed) stream.respond({ ...fields, ':status': 200 });
      return stream;
    },
    refuse: (status, fields = {}) => refuse(stream, status, fields),
  });
}

function refuse(stream: http2.ServerHttp2Stream, status: number, headers: Headers): void {
  if (stream.destroyed) return;
  if (stream.headersSent) return stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  stream.respond({ ...headers, ':status': status }, { endStream: true });
  stream.resume();
}

function plain(headers: http2.IncomingHttpHeaders): Headers {
  const fields = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers))
    if (!name.startsWith(':') && value !== undefined)
      fields[name] = Array.isArray(value) ? value.join(',') : value;
  return fields;
}

/** PING after ten quiet seconds and ten after each answer; a peer that is silent for twenty is gone. */
function watchPings(session: http2.Http2Session, clock: Clock): void {
  let timer: Timer;
  const next = () => (timer = clock.after(pingEvery, ping));
  const ping = () => {
    if (session.destroyed) return;
    timer = clock.after(pingTimeout, () =>
      session.destroy(new CodedError('PEER_SILENT', 'no answer to a PING')),
    );
    session.ping((error) => {
      timer.cancel();
      if (!error) next();
    });
  };
  next();
  session.once('close', () => timer.cancel());
}
