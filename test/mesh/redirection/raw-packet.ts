import koffi from 'koffi';

/** One end and the other of a TCP packet over IPv4. */
interface Ends {
  readonly from: string;
  readonly fromPort: number;
  readonly to: string;
  readonly port: number;
}

const [inet, raw, ipProtoTcp] = [2, 3, 6];

/** Sends an ACK of no connection that has a TCP MD5 option (RFC 2385), which the kernel at the other end drops unanswered. */
export function rawPacket(ends: Ends): void {
  const libc = koffi.load(null);
  const socket = libc.func('socket', 'int', ['int', 'int', 'int']);
  const bind = libc.func('bind', 'int', ['int', 'void *', 'uint32_t']);
  const sendto = libc.func('sendto', 'long', ['int', 'void *', 'size_t', 'int', 'void *', 'uint32_t']);
  const fd = socket(inet, raw, ipProtoTcp) as number;
  const packet = acknowledgement(ends);
  const [source, target] = [address(ends.from), address(ends.to)];
  if (
    fd < 0 ||
    (bind(fd, source, source.length) as number) < 0 ||
    Number(sendto(fd, packet, packet.length, 0, target, target.length)) !== packet.length
  )
    throw new Error(`the packet was not sent: errno ${koffi.errno()}`);
}

function address(host: string): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(inet, 0);
  bytesOf(host).copy(bytes, 4);
  return bytes;
}

const bytesOf = (host: string): Buffer => Buffer.from(host.split('.').map(Number));

function acknowledgement({ from, fromPort, to, port }: Ends): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt16BE(fromPort, 0);
  header.writeUInt16BE(port, 2);
  header.writeUInt32BE(1000, 4);
  header.writeUInt32BE(2000, 8);
  // Ten words of header, ACK.
  header.writeUInt16BE((10 << 12) | 0x10, 12);
  header.writeUInt16BE(1024, 14);
  // Kind 19, 18 bytes; the digest is none; two NOPs.
  header.set([19, 18], 20);
  header.fill(7, 22, 38);
  header.set([1, 1], 38);
  const pseudo = Buffer.concat([bytesOf(from), bytesOf(to), Buffer.from([0, 6, 0, header.length])]);
  header.writeUInt16BE(checksum(Buffer.concat([pseudo, header])), 16);
  return header;
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
