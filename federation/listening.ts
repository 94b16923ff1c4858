import type { Server } from 'node:http';
import { listenError } from '@isthmus/mesh/net/listen-error.ts';
import type { PairFiles } from './graphql/api-certificate.ts';
import { HubError } from './hub-error.ts';

/** How the API is served. */
export interface ApiListening {
  readonly apiHost: string;
  /** Undefined: without TLS. */
  readonly apiCertificate: PairFiles | undefined;
  /** Something before the hub terminates TLS: it may be served without beyond loopback. */
  readonly apiPlaintext: boolean;
}

/** Throws API_PLAINTEXT where the admin token would cross a network in the clear without an operator having said so. */
export function requireTls({ apiHost, apiCertificate, apiPlaintext }: ApiListening): void {
  if (apiCertificate || apiPlaintext || /^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(apiHost)) return;
  throw new HubError(
    'API_PLAINTEXT',
    `--api-listen ${apiHost} is reached from other machines, and the admin token would cross the network unencrypted: give --api-cert and --api-key, listen on 127.0.0.1 (kubectl port-forward reaches that), or give --api-plaintext where a proxy before the hub terminates TLS`,
  );
}

/** Where programs of this machine find the API. */
export function apiUrl({ apiHost, apiCertificate }: ApiListening, port: number): string {
  const host = { '0.0.0.0': '127.0.0.1', '::': '[::1]', '[::]': '[::1]' }[apiHost] ?? apiHost;
  return `http${apiCertificate ? 's' : ''}://${host}:${port}/graphql`;
}

/** The wanted port, or the next free one: it is printed and written down, so nobody has to guess. */
export function listenFree(server: Server, host: string, port: number, flag: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let next = port;
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' && next < port + 100) server.listen(++next, host);
      else reject(listenError(`${host}:${next}`, flag, error));
    });
    server.on('listening', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : next);
    });
    server.listen(port, host);
  });
}

/** Ends what is open too. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
