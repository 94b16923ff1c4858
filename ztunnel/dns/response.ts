import { familyOf } from '@isthmus/mesh/net/address.ts';
import { flags, internetClass, optType, rcodes, type Rcode } from './codes.ts';
import { headerBytes, layoutOf, type Layout, type RecordPlace } from './layout.ts';
import { a, aaaa, cname } from './packet.ts';
import type { Edns, Misread, Query } from './query.ts';

/** How long a client may keep an answer, seconds; upstream's. */
const ttlSeconds = 30;

const types = { a: 1, cname: 5, aaaa: 28 } as const;

/** What a client takes over UDP that says nothing (RFC 1035 4.2.1), and the least that one may say (RFC 6891 6.2.3). */
const leastPayload = 512;
/** What fits into a datagram beside headers of either family. */
const mostPayload = 65_000;

/** The largest message over TCP. */
export const mostBytes = 65_535;

/** The largest answer over UDP. */
export const datagramRoom = ({ edns }: Pick<Query, 'edns'>): number =>
  Math.min(Math.max(edns?.payload ?? 0, leastPayload), mostPayload);

/** An answer with authority. Without addresses it says that the name exists. */
export function answerMessage(
  query: Query,
  canonical: string | undefined,
  addresses: readonly string[],
): Buffer {
  const question = query.bytes.subarray(headerBytes, query.questionEnd);
  const records: Buffer[] = [];
  // Names are written once; what repeats one points to it.
  let owner = headerBytes;
  if (canonical !== undefined && addresses.length > 0) {
    const alias = recordOf(owner, types.cname, cname.encode(canonical));
    owner = headerBytes + question.length + alias.length - nameBytes(alias);
    records.push(alias);
  }
  for (const address of addresses)
    records.push(
      familyOf(address) === 'ipv4'
        ? recordOf(owner, types.a, a.encode(address))
        : recordOf(owner, types.aaaa, aaaa.encode(address)),
    );
  return message(query, 'NOERROR', flags.authoritative, question, records);
}

/** The length of the name that a CNAME holds, at its end. */
const nameBytes = (alias: Buffer): number => alias.length - recordHead;

/** To a question that was read, and is repeated. */
export const errorMessage = (query: Query, rcode: Rcode): Buffer =>
  message(query, rcode, 0, query.bytes.subarray(headerBytes, query.questionEnd), []);

/** To a message of which the question could not be read. */
export const misreadMessage = (misread: Misread): Buffer => message(misread, misread.rcode, 0, undefined, []);

const recordHead = 12;

/** `data` has its length before it. */
function recordOf(owner: number, type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(recordHead - 2);
  head.writeUInt16BE(0xc000 | owner, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(internetClass, 4);
  head.writeUInt32BE(ttlSeconds, 6);
  return Buffer.concat([head, data]);
}

function message(
  { id, flags: asked, edns }: Pick<Query, 'id' | 'flags' | 'edns'>,
  rcode: Rcode,
  authority: number,
  question: Buffer | undefined,
  records: readonly Buffer[],
): Buffer {
  const head = Buffer.alloc(headerBytes);
  const repeated = asked & (flags.opcode | flags.recursionDesired | flags.checkingDisabled);
  const own = flags.response | flags.recursionAvailable | authority | (rcodes[rcode] & flags.rcode);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(repeated | own, 2);
  head.writeUInt16BE(question ? 1 : 0, 4);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt16BE(edns ? 1 : 0, 10);
  const opt = edns ? [optOf(edns, rcodes[rcode])] : [];
  return Buffer.concat([head, ...(question ? [question] : []), ...records, ...opt]);
}

/** What the client said is said again, as upstream does (RFC 6891 6.1.2). */
function optOf({ payload, dnssecOk }: Edns, rcode: number): Buffer {
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(optType, 1);
  opt.writeUInt16BE(Math.max(payload, leastPayload), 3);
  opt.writeUInt8(rcode >> 4, 5);
  opt.writeUInt16BE(dnssecOk ? 0x8000 : 0, 7);
  return opt;
}

/**
 * A message that fits: as many of its records as there is room for, in their order, and its OPT. It is marked as truncated
 * where an answer or an authority is missing. What has no layout keeps its header alone.
 */
export function fitted(bytes: Buffer, room: number): Buffer {
  if (bytes.length <= room) return bytes;
  const layout = layoutOf(bytes);
  const head = Buffer.from(bytes.subarray(0, layout?.questionsEnd ?? headerBytes));
  const opt = optWithin(bytes, layout, room - head.length);
  const sections = layout ? [layout.answers, layout.authorities, beforeOpt(layout.additionals)] : [];
  let end = head.length;
  const counts = sections.map((records) => records.filter(take).length);
  const isCut = !layout || counts[0] !== layout.answers.length || counts[1] !== layout.authorities.length;
  if (!layout) head.writeUInt16BE(0, 4);
  if (isCut) head.writeUInt16BE(head.readUInt16BE(2) | flags.truncated, 2);
  const [answers = 0, authorities = 0, additionals = 0] = counts;
  head.writeUInt16BE(answers, 6);
  head.writeUInt16BE(authorities, 8);
  head.writeUInt16BE(additionals + (opt.length > 0 ? 1 : 0), 10);
  return Buffer.concat([head, bytes.subarray(head.length, end), opt]);

  /** Nothing is taken behind what was left out. */
  function take(one: RecordPlace): boolean {
    if (one.start !== end || one.end + opt.length > room) return false;
    end = one.end;
    return true;
  }
}

function optWithin(bytes: Buffer, layout: Layout | undefined, room: number): Buffer {
  const opt = layout?.additionals.find(({ type }) => type === optType);
  return opt && opt.end - opt.start <= room ? bytes.subarray(opt.start, opt.end) : Buffer.alloc(0);
}

const beforeOpt = (records: readonly RecordPlace[]): readonly RecordPlace[] => {
  const at = records.findIndex(({ type }) => type === optType);
  // What stands behind it would not follow what is kept.
  return at < 0 ? records : records.slice(0, at);
};
