import { createServer } from 'node:tls';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { certificatePem, issueTlsServer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { forger } from './forger.ts';

/** A server in the hub's place: its address, its port, its names, and a root that no member trusts. */
export interface Impostor {
  /** Handshakes that agents began and broke off. */
  readonly refused: number;
  /** Handshakes that they completed: none, if they know their hub. */
  readonly believed: number;
  /** Frees the address. */
  close(): Promise<void>;
}

export async function impersonateHub(address: string, port: number, now: number): Promise<Impostor> {
  const key = generateKey();
  const { intermediate } = forger('impostor', now);
  const certificate = issueTlsServer([address], key.publicKey, intermediate, { now }, systemRandom);
  const chain = [certificate, intermediate.certificate].map(certificatePem).join('');
  const seen = { refused: 0, believed: 0 };
  const sockets = new Set<Socket>();
  const server = createServer({
    key: privateKeyPem(key.privateKey),
    cert: chain,
    ALPNProtocols: ['h2'],
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('tlsClientError', () => seen.refused++);
  server.on('secureConnection', (socket) => {
    seen.believed++;
    socket.on('error', () => undefined);
  });
  server.listen(port, address);
  await once(server, 'listening');
  return {
    get refused() {
      return seen.refused;
    },
    get believed() {
      return seen.believed;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
