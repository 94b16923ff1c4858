import {
  Server,
  ServerCredentials,
  type ChannelOptions,
  type ServerInterceptingCall,
  type ServerInterceptor,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { hostOf, portOf } from '@isthmus/mesh/net/host-port.ts';
import { listenError } from '@isthmus/mesh/net/listen-error.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { asIntercepted } from './as-intercepted.ts';
import type { Certificates } from './certificates.ts';
import { lastWord } from './last-word.ts';
import { TlsArrivals } from './tls-arrivals.ts';
import { refuseUndecodable, withUndecodable } from './undecodable.ts';

export interface ListenerOptions {
  /** Shown to every caller; replaced while the listener runs by `setIdentity` and `setCa`. */
  readonly certificates: Certificates;
  /** Whether a caller must show a certificate that the current CA has issued. */
  readonly mutual: boolean;
  /**
   * What a connection has to bring within ten seconds, or it is ended. `first-call`: for callers whom TLS has verified.
   * `caller`: the service calls `proven` when it knows who calls. `none`: no connection lives longer, and one call fits.
   */
  readonly proof: 'first-call' | 'caller' | 'none';
  readonly server: ChannelOptions;
  /** Of the services, the last one nearest to the handlers. */
  readonly interceptors?: readonly ServerInterceptor[];
  readonly clock: Clock;
  readonly log: Log;
}

/** What a call says of its connection. */
type OfPeer = Pick<ServerInterceptingCall, 'getPeer'>;

/**
 * A gRPC listener over TLS, the only kind there is here. Connections are accepted and their handshakes done by
 * `TlsArrivals`; grpc-js gets sockets that are encrypted already, and still reads the peer's certificate from them.
 */
export class GrpcListener {
  readonly #server: Server;
  readonly #arrivals: TlsArrivals;

  /** Throws when the certificates cannot be used. */
  constructor({ proof, server, interceptors = [], ...deps }: ListenerOptions) {
    const proving = proof === 'first-call' ? [this.#proving()] : [];
    const all = [lastWord, refuseUndecodable, ...proving, ...interceptors];
    this.#server = new Server({ ...server, interceptors: all });
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#arrivals = new TlsArrivals({ ...deps, hand: (socket) => injector.injectConnection(socket) });
  }

  /** To be called before `listen`. A request that cannot be decoded is answered INVALID_ARGUMENT. */
  addService(service: ServiceDefinition, handlers: UntypedServiceImplementation): void {
    this.#server.addService(withUndecodable(service), handlers);
  }

  /** `address` is `host:port`, `flag` names where another is given. Resolves with the port. Throws LISTEN_FAILED. */
  async listen(address: string, flag: string): Promise<number> {
    try {
      return await this.#arrivals.listen(hostOf(address), portOf(address));
    } catch (error) {
      throw listenError(address, flag, error);
    }
  }

  /** It is known who calls: the connection may stay. */
  proven(call: OfPeer): void {
    this.#arrivals.proven(call.getPeer());
  }

  /** How many connections have not proven themselves yet. */
  get arriving(): number {
    return this.#arrivals.arriving;
  }

  /**
   * Accepts nobody from now on and ends every connection, those with open calls after a second. Resolves when they have
   * been asked to end.
   */
  close(): Promise<void> {
    this.#arrivals.close();
    // `forceShutdown` knows no connections where channelz is off.
    return new Promise((resolve) => this.#server.tryShutdown(() => resolve()));
  }

  #proving(): ServerInterceptor {
    return (_method, call) => {
      this.proven(call);
      return asIntercepted(call);
    };
  }
}
