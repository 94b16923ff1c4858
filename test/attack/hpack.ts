/** Header blocks without Huffman codes (RFC 7541 section 6); only what attacks need. */

/** An integer with a prefix of `bits` bits, below a byte that has `mask` set (RFC 7541 section 5.1). */
function integer(value: number, bits: number, mask: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.of(mask | value);
  const bytes = [mask | most];
  let rest = value - most;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  return Buffer.concat([integer(bytes.length, 7, 0), bytes]);
}

/** A field that no table keeps. */
export const literal = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.of(0), text(name), text(value)]);

/** A field that the dynamic table keeps as its newest entry, number 62. */
export const kept = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.of(0x40), text(name), text(value)]);

/** A reference to an entry of the tables; 62 is the newest of the dynamic one. */
export const indexed = (entry: number): Buffer => integer(entry, 7, 0x80);

/** A CONNECT to `authority`, with more fields behind it. */
export const connectBlock = (authority: string, ...more: readonly Buffer[]): Buffer =>
  Buffer.concat([literal(':method', 'CONNECT'), literal(':authority', authority), ...more]);
