import { name as names, question as questions } from './packet.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import { flags, internetClass, optType, type Rcode } from './codes.ts';
import { headerBytes, layoutOf, type Layout } from './layout.ts';

/** What a client says of itself (RFC 6891). */
export interface Edns {
  /** The largest answer over UDP that it takes, as it says. */
  readonly payload: number;
  readonly dnssecOk: boolean;
}

/** A question that can be answered or forwarded. */
export interface Query {
  /** The whole message. */
  readonly bytes: Buffer;
  readonly id: number;
  /** Second word of the header. */
  readonly flags: number;
  /** Just behind the only question. */
  readonly questionEnd: number;
  /** In lower case, without a dot at the end; undefined: no name that a service may have. */
  readonly name: string | undefined;
  /** `A`, `AAAA` and so on, `UNKNOWN_<number>` for what has no name. */
  readonly type: string;
  readonly isInternet: boolean;
  readonly edns: Edns | undefined;
}

/** Why a message is no question, with what an answer to it needs. */
export interface Misread {
  readonly rcode: Rcode;
  readonly id: number;
  readonly flags: number;
  readonly edns: Edns | undefined;
}

/** Nobody answers it: it is too short to have an id, or is an answer itself, and two servers would go on for ever. */
export const isAnswerable = (bytes: Buffer): boolean =>
  bytes.length >= headerBytes && (bytes.readUInt16BE(2) & flags.response) === 0;

/**
 * Reads a message that `isAnswerable`. The work is linear in its bytes, whatever they are: only the one question and the
 * fixed part of the OPT are decoded.
 */
export function readQuery(bytes: Buffer): Result<Query, Misread> {
  const [id, word] = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
  const refuse = (rcode: Rcode, edns?: Edns) => err({ rcode, id, flags: word, edns });
  if ((word & flags.opcode) !== 0) return refuse('NOTIMP');
  const layout = bytes.readUInt16BE(4) === 1 ? layoutOf(bytes) : undefined;
  if (!layout) return refuse('FORMERR');
  const opts = layout.additionals.filter(({ type }) => type === optType);
  if (opts.length > 1 || !(opts[0]?.isOfRoot ?? true)) return refuse('FORMERR');
  const edns = opts[0] && { ...readEdns(bytes, opts[0].typeAt) };
  if (edns && edns.version > 0) return refuse('BADVERS', edns);
  const asked = readQuestion(bytes, layout);
  if (!asked) return refuse('FORMERR', edns);
  return ok({ bytes, id, flags: word, edns, ...asked });
}

/** Class and TTL of an OPT have other meanings (RFC 6891 6.1.3). */
const readEdns = (bytes: Buffer, typeAt: number): Edns & { readonly version: number } => ({
  payload: bytes.readUInt16BE(typeAt + 2),
  version: bytes.readUInt8(typeAt + 5),
  dnssecOk: (bytes.readUInt16BE(typeAt + 6) & 0x8000) !== 0,
});

function readQuestion(
  bytes: Buffer,
  { questionsEnd, answers, authorities }: Layout,
): Pick<Query, 'questionEnd' | 'name' | 'type' | 'isInternet'> | undefined {
  const written = bytes.subarray(headerBytes, questionsEnd - 4);
  try {
    const { name, type } = questions.decode(bytes, headerBytes);
    const isInternet = bytes.readUInt16BE(questionsEnd - 2) === internetClass;
    // What is sent along with the question (as in IXFR) is for the resolvers.
    const isPlain = answers.length === 0 && authorities.length === 0;
    return {
      questionEnd: questionsEnd,
      name: isPlain ? hostname(name, written) : undefined,
      type,
      isInternet,
    };
  } catch {
    return undefined;
  }
}

/** Undefined for a name of which the text says less than the bytes: a dot in a label, or bytes beyond ASCII. */
function hostname(text: string, written: Buffer): string | undefined {
  if (!/^[\x21-\x7e]*$/.test(text) || !names.encode(text).equals(written)) return undefined;
  return text === '.' ? '' : text.toLowerCase();
}
