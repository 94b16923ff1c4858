import * as http2 from 'node:http2';
import { connect as connectTcp, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import type { Listener } from '../listeners/listener.ts';

/** What is shown in the handshake. */
type Shown = Pick<Credentials, 'key' | 'chain'>;

/** How an attempt ended, and how many bytes of the protocol inside TLS came back. */
export interface Attempt {
  readonly bytes: number;
  /** `closed`: by the listener, after the connection was established. */
  readonly ended: 'answered' | 'closed' | 'silent' | 'not reached';
}

export const isRefused = ({ bytes, ended }: Attempt): boolean => bytes === 0 && ended === 'closed';

export const attemptText = ({ bytes, ended }: Attempt): string => `${ended}, ${bytes} bytes back`;

const patience = 4000;
const http2Preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');

function open(listener: Listener, credentials: Shown | undefined): TLSSocket {
  const { host, port, localAddress, alpn, servername } = listener;
  // Node passes `localAddress` on to the TCP connection; the type of TLS options lacks it.
  const options: ConnectionOptions & TcpNetConnectOpts = {
    host,
    port,
    localAddress,
    rejectUnauthorized: false,
    ALPNProtocols: [alpn],
    ...(servername === undefined ? {} : { servername }),
    ...(credentials ? { key: credentials.key, cert: credentials.chain } : {}),
  };
  return connect(options);
}

/**
 * Completes a handshake and speaks. With TLS 1.3 the client's handshake is done before the server has judged, so a
 * refusal is silence followed by a close; silence alone is not a refusal, and neither is an address without a listener.
 */
export function tryListener(listener: Listener, credentials: Shown | undefined): Promise<Attempt> {
  const socket = open(listener, credentials);
  socket.on('secureConnect', () =>
    socket.write(listener.alpn === 'h2' ? http2Preface : 'GET / HTTP/1.1\r\nhost: shop\r\n\r\n'),
  );
  return outcome(socket);
}

/** The same by plain TCP. */
export function tryPlainTcp(
  { host, port, localAddress }: Omit<Listener, 'alpn'>,
  say: Buffer,
): Promise<Attempt> {
  const socket = connectTcp({ host, port, localAddress }, () => socket.write(say));
  return outcome(socket);
}

/** Settles with the first bytes, the close, or after 4 s. */
function outcome(socket: Socket): Promise<Attempt> {
  return new Promise((resolve) => {
    let reached = false;
    const finish = (ended: Attempt['ended'], bytes = 0) => {
      socket.destroy();
      resolve({ bytes, ended });
    };
    socket.setTimeout(patience, () => finish(reached ? 'silent' : 'not reached'));
    socket.once('connect', () => (reached = true));
    socket.once('data', (chunk: Buffer) => finish('answered', chunk.length));
    socket.on('error', () => undefined);
    socket.once('close', () => finish(reached ? 'closed' : 'not reached'));
  });
}

/** The status of one CONNECT through a listener that accepts us, with its reason header, or why there was none. */
export function connectStatus(
  listener: Listener,
  credentials: Shown,
  authority: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve) => {
    const socket = open(listener, credentials);
    const session = http2.connect('https://gateway', { createConnection: () => socket });
    const finish = (status: string) => {
      session.destroy();
      resolve(status);
    };
    socket.setTimeout(patience, () => finish('no answer'));
    session.on('error', (error: Error) => finish(error.message));
    session.on('close', () => finish('closed'));
    const stream = session.request({ ':method': 'CONNECT', ':authority': authority, ...headers });
    stream.on('error', (error: Error) => finish(error.message));
    stream.on('response', (answer) =>
      finish([answer[':status'], answer['x-isthmus-reason']].filter((part) => part !== undefined).join(' ')),
    );
  });
}
