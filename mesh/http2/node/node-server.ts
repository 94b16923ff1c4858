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
import { watchRefused } from './refused-streams.ts';
import { Reading } from './reading.ts';
import type { Headers, IncomingConnect, ServerSession, SessionWatch } from '../session.ts';
import { watchUnfinished } from './unfinished.ts';

/** A client that has shaken hands says so by its SETTINGS within this time, or is ended. */
const settingsMillis = 9000;

/** An answer to CONNECT has no content that a `date` would be of; Node's types do not know the option. */
const open = { endStream: false, sendDate: false };
const whole = { endStream: true, sendDate: false };

export function openServer(
  carrier: Carrier,
  clock: Clock,
  onConnect: (incoming: IncomingConnect) => void,
  watch: SessionWatch = {},
): ServerSession {
  const { socket } = carrier;
  const session = http2.performServerHandshake(socket, {
    settings: { ...settings, maxConcurrentStreams: serverStreams, maxHeaderListSize: 64 * 1024 },
    maxSessionMemory: sessionMemory,
    maxSessionInvalidFrames: 100,
    // Applications that abort their connections reset streams, and one session carries many of them; nghttp2 tells
    // those from an attack by their number alone.
    streamResetBurst: 2000,
    streamResetRate: 1000,
  });
  limitLinger(session, socket, clock);
  let failure: Error | undefined;
  session.on('error', (error: Error) => (failure = broken(error)));
  const spoken = expectSettings(session, clock);
  const completed = watchUnfinished(session, socket, clock);
  session.once('remoteSettings', () => {
    completed();
    spoken();
    session.setLocalWindowSize(connectionWindow);
    watch.onSettings?.();
  });
  const served = watchRefused(session, socket, clock, (resets) => watch.onRefused?.(resets));
  const receiving = { below: carrier.stream, onConnect, watch, onPayload: completed };
  let streams = 0;
  let closing = false;
  session.on('stream', (stream, headers) => {
    streams++;
    served();
    completed();
    const closed = receive(receiving, stream, headers);
    stream.once('close', () => {
      closed();
      if (--streams === 0 && closing) session.close();
    });
  });
  const reading = new Reading(socket, clock);
  watchPings(session, clock, completed, () => reading.lastStopped);
  limitControlFrames(session, clock);
  return {
    pause: () => reading.stop(),
    resume: () => reading.start(),
    onClose: (listener) => void session.once('close', () => listener(failure)),
    close() {
      if (closing || session.destroyed) return;
      closing = true;
      shutDown(session, streams === 0);
    },
    takeNoMore: () => session.close(),
    destroy: (error) => session.destroy(error),
    // One that ends already waits for its last write, and would wait for ever if that were taken from it.
    reset() {
      if (!session.destroyed) carrier.stream.reset();
    },
  };
}

/** Returns what is to be called when the client has sent its SETTINGS; without them it is ended. */
function expectSettings(session: http2.ServerHttp2Session, clock: Clock): () => void {
  const silent = clock.after(settingsMillis, () =>
    session.destroy(new MeshError('PEER_SILENT', `the peer sent no SETTINGS within ${settingsMillis} ms`)),
  );
  const spoken = () => silent.cancel();
  session.once('close', spoken);
  return spoken;
}

/**
 * Node refuses to read on: what the peer sends is not HTTP/2, or more of something than a session may have. A peer that
 * ends its session with an error code (ERR_HTTP2_SESSION_ERROR), or whose connection is lost, has broken nothing.
 */
function broken(error: NodeJS.ErrnoException): Error {
  const { code = '', message } = error;
  if (!code.startsWith('ERR_HTTP2_') || code === 'ERR_HTTP2_SESSION_ERROR') return error;
  return new MeshError('SESSION_BROKEN', message, { cause: error });
}

/**
 * In two steps (RFC 9113 6.8): what the peer has opened before it hears of the end is still served. The answer to the
 * PING says that it has heard. Without streams nothing is served any more, and Node reads no answer: then it is one step.
 */
function shutDown(session: http2.ServerHttp2Session, idle: boolean): void {
  if (!idle) {
    session.goaway(http2.constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1);
    session.ping(() => session.close());
  } else session.close();
}

/** Made once, as the reason that a signal makes by itself has a stack. */
const hasClosed = new MeshError('STREAM_CLOSED', 'the stream has closed');

/** What all streams of a session have in common. */
interface Receiving {
  /** What carries the session. */
  readonly below: NodeStream;
  readonly onConnect: (incoming: IncomingConnect) => void;
  readonly watch: SessionWatch;
  readonly onPayload: () => void;
}

/** Returns what is to be called when the stream has closed. */
function receive(
  { below, onConnect, watch, onPayload }: Receiving,
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
): () => void {
  const takeNoMore = withResets(stream, {
    onPayload,
    ...(watch.onHeld && { onHeld: watch.onHeld }),
    onReset: (sentPayload) => watch.onReset?.({ answered: stream.headersSent, sentPayload }),
  });
  const authority = headers[':authority'] ?? '';
  if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== undefined) {
    refuse(stream, takeNoMore, 400, {});
    return () => undefined;
  }
  let isOver = false;
  let gone: AbortController | undefined;
  const listeners: (() => void)[] = [];
  onConnect({
    authority,
    headers: plainHeaders(headers),
    get held() {
      return stream.readableLength;
    },
    get closed() {
      return stream.destroyed;
    },
    onClose: (listener) => {
      if (isOver) listener();
      else listeners.push(listener);
    },
    /** Made when it is asked for: a stream that is reset at once is never served. */
    get gone() {
      gone ??= new AbortController();
      if (stream.destroyed && !stream.headersSent) gone.abort(hasClosed);
      return gone.signal;
    },
    accept: (fields) => {
      if (!stream.destroyed && !stream.headersSent) stream.respond({ ...fields, ':status': 200 }, open);
      return new NodeStream(stream, below);
    },
    refuse: (status, fields = {}) => refuse(stream, takeNoMore, status, fields),
  });
  return () => {
    isOver = true;
    for (const listener of listeners) listener();
    // The event costs as much as the rest of a stream's end, and nobody waits for an answer that was given.
    if (!stream.headersSent) gone?.abort(hasClosed);
  };
}

/** A peer may open thousands of streams and end none of them: a refused one is not kept until it does. */
function refuse(
  stream: http2.ServerHttp2Stream,
  takeNoMore: () => void,
  status: number,
  headers: Headers,
): void {
  if (stream.destroyed) return;
  if (stream.headersSent) return void stream.destroy();
  stream.respond({ ...headers, ':status': status }, whole);
  stream.resume();
  takeNoMore();
}
