import { connect as connectTcp } from 'node:net';
import * as http2 from 'node:http2';
import { connect, type TLSSocket } from 'node:tls';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';

/** A door to knock at, and the address to come from. */
export interface Door {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  readonly alpn: string;
  readonly servername?: string;
}

const patience = 4000;

function open(door: Door, credentials: Credentials | undefined): TLSSocket {
  const { host, port, localAddress, alpn, servername } = door;
  return connect({
    ...{ host, port, localAddress, rejectUnauthorized: false, ALPNProtocols: [alpn] },
    ...(servername === undefined ? {} : { servername }),
    ...(credentials ? { key: credentials.key, cert: credentials.chain } : {}),
  });
}

/**
 * Completes a handshake and speaks; gives how many bytes of the protocol inside came back. With TLS 1.3 the client's
 * handshake is done before the server has judged, so only silence followed by a close is a refusal.
 */
export function bytesBack(door: Door, credentials: Credentials | undefined): Promise<number> {
  return new Promise((resolve) => {
    const socket = open(door, credentials);
    let bytes = 0;
    const finish = () => {
      socket.destroy();
      resolve(bytes);
    };
    socket.setTimeout(patience, finish);
    socket.on('error', () => undefined);
    socket.on('close', finish);
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    socket.on('secureConnect', () =>
      socket.write(door.alpn === 'h2' ? http2Preface : 'GET / HTTP/1.1\r\nhost: shop\r\n\r\n'),
    );
  });
}

const http2Preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');

/** The status of one CONNECT through a door that lets us in, or why there was none. */
export function connectStatus(
  door: Door,
  credentials: Credentials,
  authority: string,
  headers: Record<string, string> = {},
): Promise<string> {
  return new Promise((resolve) => {
    const socket = open(door, credentials);
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
    stream.on('response', (answer) => finish(String(answer[':status'])));
  });
}

/** Bytes that come back to a plain caller that says something. */
export function plainBytesBack(
  host: string,
  port: number,
  localAddress: string,
  say: Buffer,
): Promise<number> {
  return new Promise((resolve) => {
    let bytes = 0;
    const socket = connectTcp({ host, port, localAddress }, () => socket.write(say));
    const finish = () => {
      socket.destroy();
      resolve(bytes);
    };
    socket.setTimeout(patience, finish);
    socket.on('error', () => undefined);
    socket.on('close', finish);
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  });
}
