import { Client, type ServerDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { openStream } from '@isthmus/api/grpc/call.ts';
import { Certificates, type KeyPair } from '@isthmus/api/grpc/certificates.ts';
import { GrpcListener, type ListenerOptions } from '@isthmus/api/grpc/listener.ts';
import { channelOptions, serverOptions } from '@isthmus/api/grpc/options.ts';
import { trustMutually } from '@isthmus/api/grpc/server-trust.ts';
import { linkService } from '@isthmus/api/grpc/services.ts';
import type { SyncMessage } from '@isthmus/api/wire/link.ts';
import {
  certificatePem,
  issueLeaf,
  issueRoot,
  issueTlsServer,
  type Issuer,
} from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { FakeClock } from './clock.ts';

const now = Date.now();

export function makeCa(): Issuer {
  const key = generateKey();
  return { certificate: issueRoot('link CA', key, { now }, systemRandom), privateKey: key.privateKey };
}

export function serverPair(ca: Issuer): KeyPair {
  const key = generateKey();
  const certificate = issueTlsServer(['127.0.0.1'], key.publicKey, ca, { now }, systemRandom);
  return { key: privateKeyPem(key.privateKey), chain: certificatePem(certificate) };
}

export function agentPair(ca: Issuer, cluster = 'east'): KeyPair {
  const key = generateKey();
  const spiffeId = `spiffe://link.hub/cluster/${cluster}`;
  const certificate = issueLeaf(spiffeId, key.publicKey, ca, { now }, systemRandom);
  return { key: privateKeyPem(key.privateKey), chain: certificatePem(certificate) };
}

export const linkRequest = (type = 'remote'): SyncMessage => ({
  kind: 'request',
  request: { type, subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', error: '' },
});

/** A listener of the link's kind that echoes on `sync`, and clients of it. Its time is a fake clock's. */
export class LinkListener {
  readonly ca = makeCa();
  readonly pem = certificatePem(this.ca.certificate);
  readonly certificates = new Certificates(serverPair(this.ca), this.pem);
  readonly clock = new FakeClock();
  readonly listener: GrpcListener;
  /** Calls that its handler has seen end. */
  cancelled = 0;
  port = 0;
  readonly #clients: Client[] = [];

  constructor(over: Partial<ListenerOptions> = {}) {
    this.listener = new GrpcListener({
      certificates: this.certificates,
      mutual: true,
      proof: 'first-call',
      server: serverOptions(4),
      clock: this.clock,
      log: silentLog,
      ...over,
    });
    this.listener.addService(linkService, {
      sync: (call: ServerDuplexStream<SyncMessage, SyncMessage>) => {
        call.on('data', (message: SyncMessage) => call.write(message));
        call.on('end', () => call.end());
        call.on('cancelled', () => this.cancelled++);
      },
    });
  }

  async start(): Promise<this> {
    this.port = await this.listener.listen('127.0.0.1:0', '--link-listen');
    return this;
  }

  client(certificates = new Certificates(agentPair(this.ca), this.pem)): Client {
    const trust = trustMutually('127.0.0.1', certificates);
    const options = { ...channelOptions(4), ...trust.options };
    const client = new Client(`127.0.0.1:${this.port}`, trust.credentials, options);
    this.#clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.listener.close();
  }
}

/** A stream on which one message is answered at a time. Rejects with grpc-js's ServiceError. */
export class Echo {
  readonly #stream;
  /** Resolves with why the stream was ended by others. */
  readonly ended: Promise<ServiceError>;

  constructor(client: Client) {
    this.#stream = openStream(client, linkService.sync);
    this.ended = new Promise((resolve) =>
      this.#stream.on('error', (error) => resolve(error as ServiceError)),
    );
  }

  say(message = linkRequest()): Promise<SyncMessage> {
    return new Promise((resolve, reject) => {
      this.#stream.once('data', resolve).once('error', reject);
      this.#stream.write(message);
    });
  }
}
