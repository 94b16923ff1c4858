import { once } from 'node:events';
import { createServer } from 'node:tls';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';

/**
 * A TLS server that shows a certificate to the first who dials: whether the dialler has then spoken to it, which says
 * that it believes the certificate, or has gone.
 */
export async function startImpostor(
  host: string,
  port: number,
  { key, chain }: Pick<Credentials, 'key' | 'chain'>,
  alpn = 'h2',
) {
  const server = createServer({
    key,
    cert: chain,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: [alpn],
  });
  const outcome = new Promise<'spoken to' | 'left'>((resolve) => {
    server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined).on('close', () => resolve('left'));
      socket.once('data', () => {
        resolve('spoken to');
        socket.destroy();
      });
    });
    server.on('tlsClientError', () => resolve('left'));
  });
  server.listen(port, host);
  await once(server, 'listening');
  return { outcome, close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}
