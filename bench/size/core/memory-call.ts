import { Duplex } from 'node:stream';
import type { PeerCertificate } from 'node:tls';
import type { Metadata, ServerDuplexStream } from '@grpc/grpc-js';

interface CallOptions<Out> {
  /** `address:port`. */
  readonly peer: string;
  /** DER. */
  readonly certificate: Buffer;
  readonly headers: Metadata;
  /** Gets what the handler writes, in a later turn of the event loop. */
  readonly hear: (message: Out) => void;
  /** The handler has sent its headers. */
  readonly onHeaders?: () => void;
}

/** A call of the link as its handlers get it from grpc-js, but for the connection: messages are passed as they are. */
export class MemoryCall<In, Out> extends Duplex implements ServerDuplexStream<In, Out> {
  readonly cancelled = false;
  readonly metadata: Metadata;
  readonly #peer: string;
  readonly #certificate: Buffer;
  readonly #onHeaders: () => void;

  constructor({ peer, certificate, headers, hear, onHeaders = () => undefined }: CallOptions<Out>) {
    super({
      objectMode: true,
      read: () => undefined,
      write(message: Out, _encoding, done) {
        setImmediate(() => hear(message));
        done();
      },
    });
    this.metadata = headers;
    this.#peer = peer;
    this.#certificate = certificate;
    this.#onHeaders = onHeaders;
  }

  /** The handler hears it. */
  say(message: In): void {
    this.push(message);
  }

  getPeer(): string {
    return this.#peer;
  }

  getAuthContext(): ReturnType<ServerDuplexStream<In, Out>['getAuthContext']> {
    // The hub reads the bytes alone.
    return { sslPeerCertificate: { raw: this.#certificate } as PeerCertificate };
  }

  sendMetadata(): void {
    setImmediate(this.#onHeaders);
  }

  getDeadline(): number {
    return Infinity;
  }

  getPath(): string {
    return '';
  }

  getHost(): string {
    return '';
  }

  getMetricsRecorder(): never {
    throw new Error('a call without a connection has no metrics');
  }
}
