import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { AttackTarget } from './target.ts';

const chunk = Buffer.alloc(64 * 1024, 'p');

/**
 * An application behind the attacked pod that sends `bytes` to each connection as fast as they are taken, and then ends
 * it, or, `stays`, waits for what never comes.
 */
export function pouring(
  target: AttackTarget,
  port: number,
  bytes: number,
  { stays = false } = {},
): Promise<Application> {
  return listen(target, port, (socket) => {
    let left = bytes;
    const pour = () => {
      while (left > 0 && socket.writable) {
        const part = chunk.subarray(0, Math.min(left, chunk.length));
        left -= part.length;
        if (!socket.write(part)) return;
      }
      if (left <= 0 && !stays) socket.end();
    };
    socket.on('drain', pour).resume();
    pour();
  });
}

/** An application that reads nothing. */
export const deaf = (target: AttackTarget, port: number): Promise<Application> =>
  listen(target, port, (socket) => socket.pause());

export interface Application {
  /** What a CONNECT to it asks for. */
  readonly authority: string;
  stop(): void;
}

async function listen(
  target: AttackTarget,
  port: number,
  serve: (socket: Socket) => void,
): Promise<Application> {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => undefined).once('close', () => open.delete(socket));
    serve(socket);
  });
  server.listen(port, target.cluster.cartAppAddress);
  await once(server, 'listening');
  return {
    authority: `${target.address}:${port}`,
    stop() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
