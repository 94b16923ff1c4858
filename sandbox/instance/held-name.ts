import { createServer } from 'node:net';

/** A name on this machine that is one process's alone, until `release` or its end. */
export interface HeldName {
  readonly name: string;
  readonly release: () => void;
}

/**
 * Takes a name by listening on the abstract unix socket of that name, at most 100 characters; undefined when somebody
 * has it. The kernel gives it back with the process, however it ends, and lists it in /proc/net/unix. It is also the
 * socket that keeps the process up, since no timer does.
 */
export function holdName(name: string): Promise<HeldName | undefined> {
  return new Promise((resolve, reject) => {
    // Clients are disconnected, and a reset by one of them is ignored.
    const server = createServer((socket) => socket.on('error', () => undefined).destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0${name}`, () => resolve({ name, release: () => void server.close() }));
  });
}
