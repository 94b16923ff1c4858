/** Where a SOCKS5 client wants to go. */
export type SocksTarget =
  | { readonly kind: 'address'; readonly address: string; readonly port: number }
  | { readonly kind: 'hostname'; readonly hostname: string; readonly port: number };

/** What the bytes so far mean (RFC 1928). `used` bytes are to be taken, `reply` to be sent. */
export type SocksStep =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'greeting'; readonly used: number; readonly reply: Buffer }
  | { readonly kind: 'request'; readonly used: number; readonly target: SocksTarget }
  | { readonly kind: 'refuse'; readonly reply: Buffer; readonly message: string };

const needMore: SocksStep = { kind: 'need-more' };

/** The reply to a request: 0 is success, 1 failure, 2 not allowed, 4 unreachable, 5 refused, 7 unsupported. */
export const socksReply = (code: number): Buffer => Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);

const refuse = (reply: Buffer, message: string): SocksStep => ({ kind: 'refuse', reply, message });

/** First message: which authentication is offered. Only "none" is taken: the caller is known by its address. */
export function readGreeting(bytes: Buffer): SocksStep {
  if (bytes.length > 0 && bytes[0] !== 5) return refuse(Buffer.of(5, 0xff), 'not SOCKS version 5');
  const count = bytes[1];
  if (count === undefined || bytes.length < 2 + count) return needMore;
  return bytes.subarray(2, 2 + count).includes(0)
    ? { kind: 'greeting', used: 2 + count, reply: Buffer.of(5, 0) }
    : refuse(Buffer.of(5, 0xff), 'the client offers no authentication method that is taken here');
}

/** Second message: CONNECT to an IPv4 or IPv6 address or a name. */
export function readRequest(bytes: Buffer): SocksStep {
  if (bytes.length < 4) return needMore;
  if (bytes[0] !== 5 || bytes[1] !== 1) return refuse(socksReply(7), 'only SOCKS5 CONNECT is served');
  switch (bytes[3]) {
    case 1:
      return at(bytes, 4, 4, (part) => ({ kind: 'address', address: part.join('.') }));
    case 3:
      return bytes[4] === undefined
        ? needMore
        : at(bytes, 5, bytes[4], (part) => ({
            kind: 'hostname',
            hostname: part.toString('latin1').toLowerCase(),
          }));
    case 4:
      return at(bytes, 4, 16, (part) => ({
        kind: 'address',
        address: part.toString('hex').replace(/(.{4})(?!$)/g, '$1:'),
      }));
    default:
      return refuse(socksReply(8), 'unknown kind of address');
  }
}

type Named = { kind: 'address'; address: string } | { kind: 'hostname'; hostname: string };

function at(bytes: Buffer, start: number, length: number, name: (part: Buffer) => Named): SocksStep {
  const end = start + length;
  if (bytes.length < end + 2) return needMore;
  return {
    kind: 'request',
    used: end + 2,
    target: { ...name(bytes.subarray(start, end)), port: bytes.readUInt16BE(end) },
  };
}
