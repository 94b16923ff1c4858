import koffi from 'koffi';
import { getSystemErrorName } from 'node:util';
import { MeshError, type NativeErrorCode } from '../process/mesh-error.ts';
import { controlBytes, descriptorBytes, descriptorsOf } from './control-message.ts';
import { NativeError } from './native-error.ts';

// Every call of the C library that Node has no word for. All of it is synchronous and none of it blocks; numbers are those
// of Linux on x86-64 and arm64, which are the same. Programs that capture nothing never load this file (ADR 96).

const c = library();

function library() {
  try {
    // The process itself: Node is linked with the C library, whichever it is.
    const libc = koffi.load(null);
    const vector = koffi.struct({ base: 'void *', len: 'size_t' });
    const message = koffi.struct({
      name: 'void *',
      namelen: 'uint32_t',
      iov: koffi.pointer(vector),
      iovlen: 'size_t',
      control: 'void *',
      controllen: 'size_t',
      flags: 'int',
    });
    return {
      setns: libc.func('setns', 'int', ['int', 'int']),
      socket: libc.func('socket', 'int', ['int', 'int', 'int']),
      bind: libc.func('bind', 'int', ['int', 'void *', 'uint32_t']),
      listen: libc.func('listen', 'int', ['int', 'int']),
      connect: libc.func('connect', 'int', ['int', 'void *', 'uint32_t']),
      accept4: libc.func('accept4', 'int', ['int', 'void *', 'void *', 'int']),
      setsockopt: libc.func('setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint32_t']),
      getsockopt: libc.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']),
      sendmsg: libc.func('sendmsg', 'long', ['int', koffi.pointer(message), 'int']),
      recvmsg: libc.func('recvmsg', 'long', ['int', koffi.inout(koffi.pointer(message)), 'int']),
      close: libc.func('close', 'int', ['int']),
    };
  } catch (cause) {
    throw new MeshError(
      'NATIVE_UNAVAILABLE',
      `capture in network namespaces needs Linux and koffi's binary for ${process.platform}-${process.arch}: ${String(cause)}`,
      { cause },
    );
  }
}

/** Of which family a socket is. */
export type Family = 'unix' | 'ipv4' | 'ipv6';
const families = { unix: 1, ipv4: 2, ipv6: 10 } as const;
const kinds = { stream: 1, datagrams: 2, packets: 5 } as const;
const nonBlockingAndCloseOnExec = 0x80800;
const newNetwork = 0x40000000;
/** MSG_DONTWAIT, and MSG_NOSIGNAL for who sends, MSG_CMSG_CLOEXEC for who receives. */
const [sendFlags, receiveFlags] = [0x4040, 0x40000040];
/** MSG_TRUNC, MSG_CTRUNC. */
const cutFlags = 0x28;
/** Errno that are answers, and no failures. */
const [eagain, enoent] = [11, 2];

/** Socket options: level and name. */
const options = {
  reuseAddress: [1, 2],
  reusePort: [1, 15],
  mark: [1, 36],
  transparent: [0, 19],
  transparent6: [41, 75],
  bindAddressNoPort: [0, 24],
  v6Only: [41, 26],
  originalDestination: [0, 80],
  originalDestination6: [41, 80],
} as const;
export type SocketOption = keyof typeof options;

function check(code: NativeErrorCode, call: string, result: number): number {
  if (result < 0) throw new NativeError(code, call, koffi.errno());
  return result;
}

/** This thread goes to another network namespace. NATIVE_NAMESPACE. */
export const setns = (descriptor: number): void =>
  void check('NATIVE_NAMESPACE', 'setns', c.setns(descriptor, newNetwork) as number);

/** Closes a descriptor that Node does not know: `fs.closeSync` warns of one that another thread has opened. */
export function closeDescriptor(descriptor: number): void {
  c.close(descriptor);
}

/** A socket that does not block and that no child inherits. NATIVE_SOCKET. */
export const newSocket = (family: Family, kind: keyof typeof kinds): number =>
  check(
    'NATIVE_SOCKET',
    'socket',
    c.socket(families[family], kinds[kind] | nonBlockingAndCloseOnExec, 0) as number,
  );

/** `address` is a sockaddr. NATIVE_SOCKET. */
export const bind = (socket: number, address: Buffer): void =>
  void check('NATIVE_SOCKET', 'bind', c.bind(socket, address, address.length) as number);

export const listen = (socket: number, backlog: number): void =>
  void check('NATIVE_SOCKET', 'listen', c.listen(socket, backlog) as number);

/** For sockets of this machine, which connect at once. */
export const connect = (socket: number, address: Buffer): void =>
  void check('NATIVE_SOCKET', 'connect', c.connect(socket, address, address.length) as number);

/** The descriptor of a new connection; undefined if none waits. */
export function accept(socket: number): number | undefined {
  const result = c.accept4(socket, null, null, nonBlockingAndCloseOnExec) as number;
  if (result < 0 && koffi.errno() === eagain) return undefined;
  return check('NATIVE_SOCKET', 'accept', result);
}

export function setOption(socket: number, option: SocketOption, value: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  const [level, name] = options[option];
  check('NATIVE_SOCKET', `setting ${option}`, c.setsockopt(socket, level, name, bytes, 4) as number);
}

/** The sockaddr that an option has; undefined where the kernel knows none (ENOENT, or no NAT in the namespace). */
export function addressOption(socket: number, option: SocketOption): Buffer | undefined {
  const [bytes, length] = [Buffer.alloc(28), Buffer.alloc(4)];
  length.writeUInt32LE(bytes.length);
  const [level, name] = options[option];
  if ((c.getsockopt(socket, level, name, bytes, length) as number) < 0) {
    const errno = koffi.errno();
    if (errno === enoent || getSystemErrorName(-errno) === 'ENOPROTOOPT') return undefined;
    throw new NativeError('NATIVE_SOCKET', `reading ${option}`, errno);
  }
  return bytes.subarray(0, length.readUInt32LE());
}

/** One packet with descriptors, which stay the caller's. False: the peer's queue is full. NATIVE_PACKET. */
export function sendPacket(socket: number, bytes: Buffer, descriptors: readonly number[]): boolean {
  const control = descriptors.length === 0 ? null : descriptorBytes(descriptors);
  const message = {
    name: null,
    namelen: 0,
    iov: [{ base: bytes, len: bytes.length }],
    iovlen: 1,
    control,
    controllen: control?.length ?? 0,
    flags: 0,
  };
  const result = Number(c.sendmsg(socket, message, sendFlags));
  if (result < 0 && koffi.errno() === eagain) return false;
  check('NATIVE_PACKET', 'sendmsg', result);
  return true;
}

/** What one `recvmsg` gave. Its descriptors are the receiver's to close. */
export interface Packet {
  readonly bytes: Buffer;
  readonly descriptors: readonly number[];
  /** Bytes or descriptors did not fit, and the rest of them is lost. */
  readonly isCut: boolean;
}

/** Undefined: nothing waits. A packet without bytes: the peer has closed. NATIVE_PACKET. */
export function receivePacket(socket: number, maxBytes: number): Packet | undefined {
  const [bytes, control] = [Buffer.alloc(maxBytes), Buffer.alloc(controlBytes)];
  const message = {
    name: null,
    namelen: 0,
    iov: [{ base: bytes, len: maxBytes }],
    iovlen: 1,
    control,
    controllen: control.length,
    flags: 0,
  };
  const result = Number(c.recvmsg(socket, message, receiveFlags));
  if (result < 0 && koffi.errno() === eagain) return undefined;
  check('NATIVE_PACKET', 'recvmsg', result);
  return {
    bytes: bytes.subarray(0, result),
    descriptors: descriptorsOf(control.subarray(0, message.controllen)),
    isCut: (message.flags & cutFlags) !== 0,
  };
}

/** Calls `look` whenever a descriptor can be read, until the answer is called, which must be before it is closed. */
export function whenReadable(descriptor: number, look: () => void): () => void {
  // Called by libuv outside of what runs promises afterwards; and nothing that it throws may be lost there.
  const handle = koffi.node.poll(descriptor, { readable: true }, () => void setImmediate(look));
  return () => handle.close();
}
