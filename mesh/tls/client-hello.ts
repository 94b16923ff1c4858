/** What the first bytes of a connection are, as far as they have come. */
export type FirstBytes =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'not-tls' }
  | { readonly kind: 'hello'; readonly sni: string | undefined; readonly alpn: readonly string[] };

const needMore: FirstBytes = { kind: 'need-more' };
const notTls: FirstBytes = { kind: 'not-tls' };

/** A ClientHello larger than this is refused rather than buffered. */
const mostBytes = 16 * 1024;

/** Thrown inside this file only: the bytes so far end within a field, or contradict themselves. */
class Short extends Error {}
class Malformed extends Error {}

/**
 * Reads server name and ALPN from a TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1), which may span
 * several records. Any prefix of an answer needs more; more bytes never change an answer.
 */
export function readClientHello(bytes: Buffer): FirstBytes {
  if (bytes.length > 0 && bytes[0] !== 0x16) return notTls;
  if (bytes.length > 1 && bytes[1] !== 3) return notTls;
  try {
    return parseHello(handshakeBytes(bytes));
  } catch (error) {
    if (error instanceof Short) return bytes.length > mostBytes ? notTls : needMore;
    if (error instanceof Malformed) return notTls;
    throw error;
  }
}

/** The handshake message without its record headers, as far as it has come. */
function handshakeBytes(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== 0x16) break;
    if (at + 5 > bytes.length) break;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > 16_384 + 256) throw new Malformed();
    parts.push(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts);
}

/** Reads big-endian fields one after another. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: 1 | 2 | 3): number {
    return this.take(size).readUIntBE(0, size);
  }

  take(length: number): Buffer {
    if (this.left < length) throw new Short();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A vector whose length stands before it in `size` bytes. */
  vector(size: 1 | 2 | 3): Buffer {
    return this.take(this.number(size));
  }
}

function parseHello(message: Buffer): FirstBytes {
  const outer = new Reader(message);
  if (outer.number(1) !== 1) throw new Malformed();
  const hello = new Reader(outer.vector(3));
  return within(() => {
    hello.take(2 + 32);
    hello.vector(1);
    hello.vector(2);
    hello.vector(1);
    return readExtensions(hello.left > 0 ? hello.vector(2) : Buffer.alloc(0));
  });
}

/** The message is complete here: a field that runs over its end is malformed, not short. */
function within<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof Short ? new Malformed() : error;
  }
}

function readExtensions(bytes: Buffer): FirstBytes {
  let sni: string | undefined;
  let alpn: readonly string[] = [];
  for (const extensions = new Reader(bytes); extensions.left > 0;) {
    const type = extensions.number(2);
    const body = new Reader(extensions.vector(2));
    if (type === 0) sni = readServerName(new Reader(body.vector(2)));
    if (type === 16) alpn = readProtocols(new Reader(body.vector(2)));
  }
  return { kind: 'hello', sni, alpn };
}

function readServerName(list: Reader): string | undefined {
  while (list.left > 0) {
    const type = list.number(1);
    const name = list.vector(2);
    if (type === 0) return name.toString('latin1');
  }
  return undefined;
}

function readProtocols(list: Reader): readonly string[] {
  const protocols: string[] = [];
  while (list.left > 0) protocols.push(list.vector(1).toString('latin1'));
  return protocols;
}
