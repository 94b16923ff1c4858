import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';

/** An HBONE client that uses Node's own HTTP/2 and none of our code. Its errors are ignored. */
export async function foreignSession(
  { key, chain }: Credentials,
  address: string,
  localAddress?: string,
): Promise<ClientHttp2Session> {
  const raw = connectTcp({ host: address, port: 15008, ...(localAddress && { localAddress }) });
  const socket = connectTls({
    socket: raw,
    key,
    cert: chain,
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  });
  raw.on('error', () => undefined);
  socket.on('error', () => undefined);
  const session = connectHttp2('https://hbone', { createConnection: () => socket });
  session.on('error', () => undefined);
  await once(session, 'remoteSettings');
  return session;
}

/** One CONNECT; errors of the stream are ignored. */
export const ask = (session: ClientHttp2Session, authority: string): ClientHttp2Stream =>
  session
    .request({ ':method': 'CONNECT', ':authority': authority }, { endStream: false })
    .on('error', () => undefined);
