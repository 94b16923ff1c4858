import type { Socket } from 'node:net';
import type { Context } from '../engine/context.ts';
import type { Newcomer } from '../engine/newcomer.ts';
import {
  readGreeting,
  readRequest,
  socksReply,
  type SocksStep,
  type SocksTarget,
} from '../capture/socks5.ts';
import { serveOutbound } from './outbound.ts';

/**
 * The pod that calls at the SOCKS port of an address: a program that knows proxies but binds no address, as most do,
 * comes from 127.0.0.1, and belongs to the pod of that address.
 */
export const callerOf = ({ remoteAddress = '' }: Socket, address: string): string =>
  remoteAddress === '127.0.0.1' ? address : remoteAddress;

/**
 * A caller that cannot dial a VIP says where it wants to go, by address or name (RFC 1928). Until it has, the limits
 * before the handshake apply to it.
 */
export async function serveSocks(context: Context, newcomer: Newcomer, address: string): Promise<void> {
  const { socket } = newcomer;
  socket.on('error', () => undefined);
  const target = await negotiate(socket);
  if (!target) {
    // Half-open sockets do not close by themselves; what was said goes out first.
    socket.destroySoon();
    return;
  }
  if (!newcomer.seat()) return;
  await serveOutbound(context, socket, target, {
    caller: callerOf(socket, address),
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
