/** A ClientHello as bytes of one record's payload: what is asked for, padded to a size where one is given. */
export function helloMessage({
  sni,
  alpn = [],
  size,
  extra = [],
}: {
  readonly sni?: string;
  readonly alpn?: readonly string[];
  /** Of the whole message with its header of four bytes. */
  readonly size?: number;
  readonly extra?: readonly Buffer[];
}): Buffer {
  const extensions = [
    ...(sni === undefined ? [] : [serverName(sni)]),
    ...(alpn.length === 0 ? [] : [protocols(alpn)]),
    ...extra,
  ];
  const bare = assemble(extensions);
  if (size === undefined) return bare;
  // Extension 21 is padding (RFC 7685): a header of four bytes, then zeros.
  return assemble([...extensions, extension(21, Buffer.alloc(size - bare.length - 4))]);
}

export const serverName = (name: string): Buffer =>
  extension(0, vector(2, Buffer.concat([Buffer.of(0), vector(2, Buffer.from(name, 'latin1'))])));

export const protocols = (names: readonly string[]): Buffer =>
  extension(16, vector(2, Buffer.concat(names.map((name) => vector(1, Buffer.from(name, 'latin1'))))));

const extension = (type: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.of(type >> 8, type & 255), vector(2, body)]);

function assemble(extensions: readonly Buffer[]): Buffer {
  const body = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32, 7),
    Buffer.of(0),
    vector(2, Buffer.of(0x13, 2)),
    vector(1, Buffer.of(0)),
    vector(2, Buffer.concat(extensions)),
  ]);
  return Buffer.concat([Buffer.of(1), vector(3, body)]);
}

/** The message in records whose lengths are taken from `lengths` in turn, again and again. */
export function inRecords(message: Buffer, lengths: readonly number[] = [16_384]): Buffer {
  const records: Buffer[] = [];
  for (let at = 0, i = 0; at < message.length; i++) {
    const part = message.subarray(at, at + (lengths[i % lengths.length] ?? 1));
    records.push(Buffer.of(0x16, 3, 1), vector(2, part));
    at += part.length;
  }
  return Buffer.concat(records);
}

/** Bytes behind their length in `size` bytes, big-endian. */
function vector(size: 1 | 2 | 3, bytes: Buffer): Buffer {
  const length = Buffer.alloc(size);
  length.writeUIntBE(bytes.length, 0, size);
  return Buffer.concat([length, bytes]);
}
