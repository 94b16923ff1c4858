import packet from 'dns-packet';

interface NameCodec {
  encode(name: string): Buffer;
}
interface QuestionCodec {
  decode(bytes: Buffer, offset: number): { readonly name: string; readonly type: string };
}
interface DataCodec {
  /** With its length before it. */
  encode(value: string): Buffer;
}

/**
 * The codecs of dns-packet for parts of a message, which its types leave out: whole messages are not decoded with it, as
 * names that point to names would let 64 KiB take seconds.
 */
const codecs = packet as unknown as {
  readonly name: NameCodec;
  readonly question: QuestionCodec;
  readonly a: DataCodec;
  readonly aaaa: DataCodec;
  readonly cname: DataCodec;
};

export const { name, question, a, aaaa, cname } = codecs;
