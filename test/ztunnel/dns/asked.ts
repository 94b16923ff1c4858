import packet, { type DecodedPacket, type Packet } from 'dns-packet';
import { readQuery, type Query } from '@isthmus/ztunnel/dns/query.ts';

/** A question as a client's resolver sends it. */
export const questionBytes = (name: string, type = 'A', over: Partial<Packet> = {}): Buffer =>
  packet.encode({
    type: 'query',
    id: 0x1234,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: type as 'A', name }],
    ...over,
  });

export const withEdns = (udpPayloadSize: number, flags = 0): Pick<Packet, 'additionals'> => ({
  additionals: [
    {
      type: 'OPT',
      name: '.',
      udpPayloadSize,
      extendedRcode: 0,
      ednsVersion: 0,
      flags,
      flag_do: flags > 0,
      options: [],
    },
  ],
});

export function queryOf(bytes: Buffer): Query {
  const read = readQuery(bytes);
  if (!read.ok) throw new Error(`it was refused: ${read.error.rcode}`);
  return read.value;
}

/** An answer to a question, as a resolver sends it. */
export function answerTo(asked: Buffer, address: string, over: Partial<Packet> = {}): Buffer {
  const { id = 0, questions = [] } = packet.decode(asked);
  const name = questions[0]?.name ?? '';
  return packet.encode({
    type: 'response',
    id,
    flags: packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE,
    questions,
    answers: address === '' ? [] : [{ type: 'A', name, ttl: 5, data: address }],
    ...over,
  });
}

/** With the code, which the types leave out. */
export const decoded = (bytes: Buffer): DecodedPacket & { readonly rcode: string } =>
  packet.decode(bytes) as DecodedPacket & { readonly rcode: string };
