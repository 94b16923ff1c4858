import { createServer, connect, type Socket } from 'node:net';
import { rawPacket } from './raw-packet.ts';

// A process in a network namespace: it listens and dials as its parent asks, and reports what it hears.

export type Ask =
  | { readonly op: 'listen'; readonly host: string; readonly port: number; readonly banner: string }
  | {
      readonly op: 'dial';
      readonly id: string;
      readonly host: string;
      readonly port: number;
      readonly localPort?: number;
    }
  | { readonly op: 'end'; readonly id: string }
  | { readonly op: 'say'; readonly id: string; readonly text: string }
  | {
      readonly op: 'md5-ack';
      readonly from: string;
      readonly fromPort: number;
      readonly to: string;
      readonly port: number;
    };

/** How long an answer may take before it counts as none: only what must not arrive is waited for so long. */
const silenceMillis = 1500;
const connections = new Map<string, Socket>();

const heard = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => end('silence'), silenceMillis);
    const onData = (data: Buffer) => end(data.toString());
    const onError = (error: NodeJS.ErrnoException) => end(error.code ?? 'error');
    const onClose = () => end('closed');
    function end(what: string) {
      clearTimeout(timer);
      socket.off('data', onData).off('error', onError).off('close', onClose);
      socket.on('error', () => undefined);
      resolve(what);
    }
    socket.on('data', onData).on('error', onError).on('close', onClose);
  });

async function answer(ask: Ask): Promise<string> {
  switch (ask.op) {
    case 'listen': {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.write(ask.banner);
        socket.on('data', (data) => socket.write(data));
      });
      return new Promise((resolve, reject) => {
        server.on('error', reject);
        server.listen(ask.port, ask.host, () => resolve('listening'));
      });
    }
    case 'dial': {
      const { host, port, localPort } = ask;
      const socket = connect({ host, port, ...(localPort === undefined ? {} : { localPort }) });
      connections.set(ask.id, socket);
      return heard(socket);
    }
    case 'say': {
      const socket = connections.get(ask.id);
      if (!socket) return 'no connection';
      const answered = heard(socket);
      socket.write(ask.text);
      return answered;
    }
    case 'end':
      connections.get(ask.id)?.destroy();
      return 'ended';
    case 'md5-ack':
      rawPacket(ask);
      return 'sent';
  }
}

process.on('message', ({ number, ask }: { number: number; ask: Ask }) => {
  answer(ask).then(
    (text) => process.send?.({ number, text }),
    (error: unknown) => process.send?.({ number, text: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ number: 0, text: 'ready' });
