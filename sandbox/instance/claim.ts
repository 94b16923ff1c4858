import { createServer, type Server } from 'node:net';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';

/** A /16 of loopback addresses that is ours until `release`, e.g. second octet 77: 127.77.0.0/16. */
export interface Claim {
  readonly octet: number;
  release(): void;
}

/**
 * Claims the first free /16 of 127.0.0.0/8, from 127.64 up, by listening on an abstract unix socket named after it.
 * The kernel releases the name with the process, however it ends. Throws NO_FREE_BLOCK when all are taken.
 */
export async function claimBlock(first = 64, last = 250): Promise<Claim> {
  for (let octet = first; octet <= last; octet++) {
    const server = await listen(`\0isthmus-127.${octet}`);
    if (server) return { octet, release: () => void server.close() };
  }
  throw new CodedError(
    'NO_FREE_BLOCK',
    `every /16 from 127.${first} to 127.${last} is taken: stop another sandbox`,
  );
}

function listen(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => {
      server.unref();
      resolve(server);
    });
  });
}
