import type { Socket } from 'node:net';
import type { Context } from '../engine/context.ts';
import {
  readGreeting,
  readRequest,
  socksReply,
  type SocksStep,
  type SocksTarget,
} from '../capture/socks5.ts';
import { serveOutbound } from './outbound.ts';

const patience = 10_000;

/**
 * A caller that cannot dial a VIP says where it wants to go, by address or name (RFC 1928). It is the pod at whose
 * address it came in: a program that knows proxies but binds no address, as most do, comes from 127.0.0.1.
 */
export async function serveSocks(context: Context, socket: Socket, address: string): Promise<void> {
  socket.on('error', () => undefined);
  const timer = context.clock.after(patience, () => socket.destroy());
  const target = await negotiate(socket);
  timer.cancel();
  if (!target) {
    // Half-open sockets do not close by themselves; what was said goes out first.
    socket.destroySoon();
    return;
  }
  await serveOutbound(context, socket, target, {
    ...(socket.remoteAddress === '127.0.0.1' && { caller: address }),
    answered(ok) {
      if (socket.writable) socket.write(socksReply(ok ? 0 : 5));
    },
  });
}

async function negotiate(socket: Socket): Promise<SocksTarget | undefined> {
  const greeting = await step(socket, readGreeting);
  if (greeting?.kind !== 'greeting') return undefined;
  socket.write(greeting.reply);
  const request = await step(socket, readRequest);
  return request?.kind === 'request' ? request.target : undefined;
}

/** Reads until a step is complete; what follows it stays in the socket. A refusal is sent and ends the connection. */
function step(socket: Socket, read: (bytes: Buffer) => SocksStep): Promise<SocksStep | undefined> {
  return new Promise((resolve) => {
    let bytes: Buffer = Buffer.alloc(0);
    const settle = (result: SocksStep | undefined) => {
      socket.off('readable', look).off('end', ended).off('close', ended);
      resolve(result);
    };
    const ended = () => settle(undefined);
    const look = () => {
      const chunk = socket.read() as Buffer | null;
      if (!chunk) return;
      bytes = Buffer.concat([bytes, chunk]);
      const result = read(bytes);
      if (result.kind === 'need-more' && bytes.length < 1024) return;
      if (result.kind === 'refuse') socket.end(result.reply);
      else if ('used' in result && bytes.length > result.used) socket.unshift(bytes.subarray(result.used));
      settle(result);
    };
    socket.on('readable', look).on('end', ended).on('close', ended);
    look();
  });
}
