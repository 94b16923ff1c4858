import { constants, type Http2Stream } from 'node:http2';
import type { CodedError } from '../../process/coded-error.ts';
import { MeshError } from '../../process/mesh-error.ts';

/** What a session learns of one of its streams. */
interface StreamWatch {
  /**
   * The peer reset the stream, having sent payload on it or not; called while the bytes that hold the frame are being
   * read, before any later bytes of the session are.
   */
  readonly onReset?: (sentPayload: boolean) => void;
  /** Payload has come. */
  readonly onPayload?: () => void;
  /** So many bytes of payload have come that wait in memory, as the stream is not being read. */
  readonly onHeld?: (bytes: number) => void;
}

/** What an instance of Node's stream lets us replace. */
interface Hooks {
  push(chunk: Uint8Array | null, encoding?: BufferEncoding): boolean;
  readable: boolean;
  _destroy(error: Error | null, callback: (error?: Error | null) => void): void;
}

/**
 * Gives a stream of node:http2 the ends of a TCP connection. By itself Node destroys a stream with NO_ERROR, shows a
 * reset with NO_ERROR or CANCEL as a clean end of the input, sends END_STREAM before a reset, and never finishes writes
 * that wait when the peer resets with NO_ERROR. After this call:
 *
 * - `end` comes only if the peer sent END_STREAM; every other end is an `error`, STREAM_RESET unless it has a cause.
 * - to destroy a stream whose directions have not both ended sends RST_STREAM with CONNECT_ERROR (RFC 9113 8.5) and no
 *   END_STREAM before it. Upstream takes NO_ERROR and CANCEL for a clean end, so neither is sent.
 * - a stream leaves its session as soon as the wire has ended it, so that the peer may open another in its place.
 * - NO_ERROR after END_STREAM means that the peer takes no more (RFC 9113 8.1): what it said is read, then it closes.
 *
 * Returns a function that says so to the peer: call it when the answer is whole. The stream then leaves the session even
 * if the peer never ends its own direction.
 */
export function withResets(stream: Http2Stream, watch: StreamWatch = {}): () => void {
  const hooks = stream as unknown as Hooks;
  const push = hooks.push.bind(stream);
  const destroy = hooks._destroy.bind(stream);
  let endStream = false;
  let sentPayload = false;
  let isReported = false;
  let takesNoMore = false;
  const resetByPeer = () => {
    if (!isReported) watch.onReset?.(sentPayload);
    isReported = true;
  };
  stream.on('error', () => undefined);
  hooks.push = (chunk, encoding) => {
    if (chunk !== null) {
      sentPayload = true;
      watch.onPayload?.();
      if (stream.readableFlowing !== true) watch.onHeld?.(chunk.length);
      return push(chunk, encoding);
    }
    if (!endStream && !stream.closed && !stream.destroyed) {
      endStream = true;
      const more = push(null);
      // Node keeps a stream that may still be read; with nothing left to read it goes with its last frame.
      if (stream.readableLength === 0) hooks.readable = false;
      return more;
    }
    if (endStream) {
      if (stream.aborted && !stream.destroyed) whenRead(stream);
      return push(null);
    }
    if (takesNoMore) return push(null);
    // A reset with NO_ERROR. Node goes on using the stream and its session when this returns.
    if (!stream.destroyed)
      process.nextTick(() => {
        resetByPeer();
        stream.destroy(wasReset(stream));
      });
    return false;
  };
  hooks._destroy = (error, callback) => {
    const whole = (endStream || takesNoMore) && stream.writableEnded;
    // Code that destroys the stream resets it; a closed stream was reset by the peer, or has ended both ways.
    const closedByWire = stream.closed;
    if (!closedByWire && !stream.pending) stream.close(constants.NGHTTP2_CONNECT_ERROR);
    else if (closedByWire && stream.rstCode !== constants.NGHTTP2_NO_ERROR) resetByPeer();
    const ended = whole && stream.rstCode === constants.NGHTTP2_NO_ERROR;
    const reason = error ?? (ended ? null : wasReset(stream));
    // Without a reason Node makes an error of its own for each stream, which is not used.
    destroy(stream.closed ? reason : error, () => callback(reason));
  };
  return () => {
    takesNoMore = true;
    stream.close(constants.NGHTTP2_NO_ERROR);
  };
}

function whenRead(stream: Http2Stream): void {
  if (stream.readableEnded) process.nextTick(() => stream.destroy());
  else stream.once('end', () => stream.destroy());
}

const resets = new Map<number, CodedError>();

/** One error for each code, of which there are 14 (RFC 9113 7): its stack says nothing and costs more than the stream. */
function wasReset({ rstCode }: Http2Stream): CodedError {
  const known = resets.get(rstCode);
  if (known) return known;
  const error = new MeshError('STREAM_RESET', `the stream was reset with code ${rstCode}`);
  // A peer may make codes up.
  if (resets.size < 100) resets.set(rstCode, error);
  return error;
}
