import type { Socket } from 'node:net';
import { readGreeting, readRequest, type SocksStep, type SocksTarget } from './socks5.ts';

/** What a SOCKS5 client asks for (RFC 1928); undefined when it asks for nothing that can be read. */
export async function negotiate(socket: Socket): Promise<SocksTarget | undefined> {
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
