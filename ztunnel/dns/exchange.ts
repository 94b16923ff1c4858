import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { ByteStream } from '@isthmus/mesh/net/byte-stream.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { ResolverSocket, ResolverSocketHooks } from '../capture/capture.ts';
import { flags } from './codes.ts';
import { Frames, writeFrame } from './framing.ts';
import { headerBytes } from './layout.ts';
import type { Query } from './query.ts';

/** Sockets to resolvers, as capture makes them for one pod. */
export interface ResolverSockets {
  datagrams(to: AddressPort, hooks: ResolverSocketHooks): ResolverSocket;
  /** Throws DIAL_REFUSED, DIAL_TIMEOUT or DIAL_ABORTED. */
  stream(to: AddressPort, timeoutMillis: number): Promise<ByteStream>;
}

export interface ExchangeDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly sockets: ResolverSockets;
}

/** Messages that are no answer to the question, after which a resolver is not listened to: they may be guesses. */
const maxLies = 32;

/**
 * Asks one resolver over UDP, with a fresh port and id. Resolves with what answers the question, under the client's id;
 * undefined when nothing did within the time. Another id, question or sender is ignored (RFC 5452 9.1).
 */
export function askByUdp(
  { clock, random, sockets }: ExchangeDeps,
  query: Query,
  to: AddressPort,
  millis: number,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const asked = withId(query.bytes, random.bytes(2).readUInt16BE(0));
    let lies = 0;
    const end = (answer: Buffer | undefined) => {
      timer.cancel();
      socket.close();
      resolve(answer);
    };
    const socket = sockets.datagrams(to, {
      onMessage(bytes, from) {
        if (isAnswer(bytes, asked, query) && from.address === to.address && from.port === to.port)
          end(withId(bytes, query.id));
        else if (++lies > maxLies) end(undefined);
      },
      onError: () => end(undefined),
    });
    const timer = clock.after(millis, () => end(undefined));
    socket.send(asked);
  });
}

/** The same over TCP. */
export async function askByTcp(
  { clock, random, sockets }: ExchangeDeps,
  query: Query,
  to: AddressPort,
  millis: number,
): Promise<Buffer | undefined> {
  const until = clock.monotonic() + millis;
  let stream: ByteStream;
  try {
    stream = await sockets.stream(to, millis);
  } catch {
    return undefined;
  }
  const asked = withId(query.bytes, random.bytes(2).readUInt16BE(0));
  return new Promise((resolve) => {
    let isOver = false;
    const end = (answer: Buffer | undefined) => {
      if (isOver) return;
      isOver = true;
      timer.cancel();
      stream.close();
      resolve(answer);
    };
    const timer = clock.after(Math.max(1, until - clock.monotonic()), () => end(undefined));
    // One question, so whatever comes first is the answer or a lie.
    const frames = new Frames((bytes) =>
      end(isAnswer(bytes, asked, query) ? withId(bytes, query.id) : undefined),
    );
    stream.receive({
      onBytes: (bytes) => frames.take(bytes),
      onEnd: () => end(undefined),
      onDrain: () => undefined,
      onClose: () => end(undefined),
    });
    stream.resume();
    writeFrame(stream, asked);
  });
}

function withId(bytes: Buffer, id: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** A response with the id and the question that were sent. One that could not read the question need not repeat it. */
function isAnswer(bytes: Buffer, asked: Buffer, { questionEnd }: Query): boolean {
  if (bytes.length < headerBytes || bytes.readUInt16BE(0) !== asked.readUInt16BE(0)) return false;
  const word = bytes.readUInt16BE(2);
  if ((word & flags.response) === 0) return false;
  const questions = bytes.readUInt16BE(4);
  if (questions === 0) return (word & flags.rcode) !== 0 && bytes.readUInt16BE(6) === 0;
  return questions === 1 && isSameQuestion(bytes, asked, questionEnd);
}

/** Letters of names mean the same in either case (RFC 4343). */
function isSameQuestion(bytes: Buffer, asked: Buffer, questionEnd: number): boolean {
  if (bytes.length < questionEnd) return false;
  const [one, other] = [bytes, asked].map((whole) =>
    whole.subarray(headerBytes, questionEnd).toString('latin1'),
  );
  return lower(one) === lower(other);
}

const lower = (text = ''): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
