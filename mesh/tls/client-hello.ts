/** What the first bytes of a connection are, as far as they have come. */
export type FirstBytes =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'not-tls' }
  /** A ClientHello whose own length says that it has more than `helloLimit` bytes. */
  | { readonly kind: 'too-large' }
  | { readonly kind: 'hello'; readonly sni: string | undefined; readonly alpn: readonly string[] };

const needMore: FirstBytes = { kind: 'need-more' };
const notTls: FirstBytes = { kind: 'not-tls' };

/** Largest ClientHello that is read, in bytes with its header; one with a post-quantum key share has about 1,800. */
export const helloLimit = 16 * 1024;

/** RFC 8446 5.1: a record of plaintext has 1 to 2^14 bytes, and a handshake record is never empty. */
const recordLimit = 16_384;

/** Thrown inside this file only: the message contradicts itself. */
class Malformed extends Error {}

/**
 * Reads server name and ALPN from a TLS ClientHello (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1) as its bytes come. The
 * answer is a function of the bytes alone: how they are cut into reads does not matter, how the message is cut into
 * records does not either, and more bytes never change an answer. A message that is too large is known from its
 * header, before anything of it is kept. What is kept is at most `helloLimit` bytes.
 */
export class HelloReader {
  #answer: FirstBytes = needMore;
  /** Of the current record: how many bytes of its header have come, its length, and what is left of it. */
  #header = 0;
  #length = 0;
  #left = 0;
  /** The handshake message: its header first, then all of it. */
  #message = Buffer.alloc(4);
  #have = 0;

  push(chunk: Buffer): FirstBytes {
    for (let at = 0; at < chunk.length && this.#answer === needMore;)
      at += this.#left > 0 ? this.#payload(chunk, at) : this.#recordHeader(chunk[at] ?? 0);
    return this.#answer;
  }

  /** Takes one byte of a record's header: type, version (two), length (two). */
  #recordHeader(byte: number): 1 {
    const at = this.#header++;
    if ((at === 0 && byte !== 0x16) || (at === 1 && byte !== 3)) this.#answer = notTls;
    if (at >= 3) this.#length = this.#length * 256 + byte;
    if (at < 4) return 1;
    if (this.#length === 0 || this.#length > recordLimit) this.#answer = notTls;
    this.#left = this.#length;
    this.#header = this.#length = 0;
    return 1;
  }

  /** Takes bytes of the message; gives how many. */
  #payload(chunk: Buffer, at: number): number {
    const take = Math.min(this.#left, chunk.length - at, this.#message.length - this.#have);
    chunk.copy(this.#message, this.#have, at, at + take);
    this.#left -= take;
    this.#have += take;
    if (this.#message[0] !== 1) this.#answer = notTls;
    else if (this.#have === this.#message.length) this.#filled();
    return take;
  }

  #filled(): void {
    const size = 4 + this.#message.readUIntBE(1, 3);
    if (size > helloLimit) this.#answer = { kind: 'too-large' };
    else if (size === this.#have) this.#answer = parseHello(this.#message.subarray(4));
    else {
      const whole = Buffer.alloc(size);
      this.#message.copy(whole);
      this.#message = whole;
    }
  }
}

/** All bytes that have come so far at once. */
export const readClientHello = (bytes: Buffer): FirstBytes => new HelloReader().push(bytes);

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
    if (this.left < length) throw new Malformed();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A vector whose length stands before it in `size` bytes. */
  vector(size: 1 | 2 | 3): Buffer {
    return this.take(this.number(size));
  }

  /** A vector that is all that is left. */
  last(size: 1 | 2 | 3): Reader {
    const bytes = this.vector(size);
    if (this.left > 0) throw new Malformed();
    return new Reader(bytes);
  }
}

function parseHello(message: Buffer): FirstBytes {
  const hello = new Reader(message);
  try {
    hello.take(2 + 32);
    hello.vector(1);
    hello.vector(2);
    hello.vector(1);
    return readExtensions(hello.left > 0 ? hello.last(2) : hello);
  } catch (error) {
    if (error instanceof Malformed) return notTls;
    throw error;
  }
}

/** An extension that comes twice would be one thing to us and another to the destination (RFC 8446 4.2 forbids it). */
function readExtensions(extensions: Reader): FirstBytes {
  let sni: string | undefined;
  let alpn: readonly string[] = [];
  const seen = new Set<number>();
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const body = new Reader(extensions.vector(2));
    if (seen.has(type)) throw new Malformed();
    seen.add(type);
    if (type === 0) sni = readServerName(body.last(2));
    if (type === 16) alpn = readProtocols(body.last(2));
  }
  return { kind: 'hello', sni, alpn };
}

/** At most one name of the type host_name (RFC 6066 3). */
function readServerName(list: Reader): string | undefined {
  let found: string | undefined;
  while (list.left > 0) {
    const type = list.number(1);
    const name = list.vector(2);
    if (type !== 0) continue;
    if (found !== undefined) throw new Malformed();
    found = name.toString('latin1');
  }
  return found;
}

function readProtocols(list: Reader): readonly string[] {
  const protocols: string[] = [];
  while (list.left > 0) protocols.push(list.vector(1).toString('latin1'));
  return protocols;
}
