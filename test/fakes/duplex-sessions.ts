import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type {
  ClientSession,
  ConnectResponse,
  Http2,
  IncomingConnect,
  Tunnelled,
} from '@isthmus/mesh/http2/session.ts';
import { duplexOf, streamOf } from './tls-on-sockets.ts';

/** The same with streams of Node's, with which tests are written. */
type OnDuplex<T, Key extends keyof T> = Omit<T, Key> & { readonly stream: Duplex };

export type DuplexClient = Omit<ClientSession, 'connect'> & {
  connect(...call: Parameters<ClientSession['connect']>): Promise<OnDuplex<ConnectResponse, 'stream'>>;
};

export type DuplexIncoming = Omit<IncomingConnect, 'accept'> & {
  readonly accept: (headers: Parameters<IncomingConnect['accept']>[0]) => Duplex;
};

export interface DuplexHttp2 {
  client(socket: TLSSocket, timeoutMillis: number): Promise<DuplexClient>;
  server(
    socket: TLSSocket,
    onConnect: (incoming: DuplexIncoming) => void,
    watch?: Parameters<Http2['server']>[2],
  ): ReturnType<Http2['server']>;
}

/** Sessions whose tunnels are streams of Node's. */
export const onDuplex = (http2: Http2): DuplexHttp2 => ({
  async client(socket, timeoutMillis) {
    const session = await http2.client(streamOf(socket), timeoutMillis);
    const connect: DuplexClient['connect'] = async (...request) => {
      const { stream, ...response } = await session.connect(...request);
      return { ...response, stream: duplexOf(stream) };
    };
    return new Proxy(session, {
      get: (target, name) => {
        if (name === 'connect') return connect;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    }) as unknown as DuplexClient;
  },
  server: (socket, onConnect, watch) =>
    http2.server(streamOf(socket), (incoming) => onConnect(duplexIncoming(incoming)), watch),
});

const duplexIncoming = (incoming: IncomingConnect): DuplexIncoming =>
  new Proxy(incoming, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (name !== 'accept') return value;
      return (...fields: Parameters<IncomingConnect['accept']>) =>
        duplexOf((value as (...fields: unknown[]) => Tunnelled)(...fields));
    },
  }) as unknown as DuplexIncoming;
