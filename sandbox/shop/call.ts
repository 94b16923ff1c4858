import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { endpointOf, self } from './instance.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** One HTTP call to another service, on a fresh connection from this pod's address. */
export async function call(service: string, path: string, timeout = 5000): Promise<Answer> {
  const socket = await dial(service);
  return new Promise((resolve, reject) => {
    const outgoing = request({ createConnection: () => socket, path, host: service, timeout }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        socket.end();
        resolve({ status: response.statusCode ?? 0, body: parse(text) });
      });
    });
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`${service} did not answer within ${timeout} ms`)),
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** A connection to a service: by its VIP, or by name through SOCKS5 when it appeared after this pod started. */
export function dial(service: string): Promise<Socket> {
  const known = endpointOf(service);
  return known
    ? connected(known.host, known.port)
    : socks(`${service}.shop.svc.cluster.local`, ports[service] ?? 80);
}

const ports: Readonly<Record<string, number>> = { catalogue: 8081, cart: 8082, orders: 8083, store: 7070 };

function connected(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, localAddress: self.podIp, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** SOCKS5 CONNECT by host name (RFC 1928) at the pod's own proxy. */
async function socks(host: string, port: number): Promise<Socket> {
  const socket = await connected(self.podIp, 15080);
  const name = Buffer.from(host);
  socket.write(Buffer.from([5, 1, 0]));
  await read(socket, 2);
  socket.write(
    Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), name, Buffer.from([port >> 8, port & 255])]),
  );
  const reply = await read(socket, 10);
  if (reply[1] !== 0) {
    socket.destroy();
    throw new Error(`the proxy refused ${host}:${port} with SOCKS5 reply ${reply[1] ?? '?'}`);
  }
  return socket;
}

/** Exactly `length` bytes; what follows them stays in the socket. */
function read(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      socket.off('readable', attempt);
      socket.off('end', ended);
      socket.off('error', failed);
      finish();
    };
    const attempt = () => {
      const bytes = socket.read(length) as Buffer | null;
      if (bytes) settle(() => resolve(bytes));
    };
    const ended = () => settle(() => reject(new Error('the connection ended early')));
    const failed = (error: Error) => settle(() => reject(error));
    socket.on('readable', attempt);
    socket.once('end', ended);
    socket.once('error', failed);
    attempt();
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
