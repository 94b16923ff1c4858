import {
  zdsAnswer,
  zdsHello,
  zdsMaxBytes,
  zdsRequest,
  type ZdsPod,
  type ZdsRequest,
} from '@isthmus/api/wire/zds.ts';
import { PacketListener, type PacketConnection } from '@isthmus/mesh/native/packets.ts';
import { Signal } from './xds-world.ts';

/** A proxy's connection, as a node agent sees it. */
export class ConnectedProxy {
  readonly signal = new Signal();
  readonly #connection: PacketConnection;
  /** What it has said that nobody has asked for yet. */
  readonly #said: Buffer[] = [];
  isClosed = false;

  constructor(connection: PacketConnection) {
    this.#connection = connection;
    connection.watch(() => {
      for (let packet; !this.isClosed && (packet = connection.receive(zdsMaxBytes));)
        if (packet.bytes.length === 0) this.close();
        else this.#said.push(packet.bytes);
      this.signal.ring();
    });
  }

  /** Its hello is there, and of our version. */
  async hello(): Promise<boolean> {
    return zdsHello.decode(await this.#next()).ok;
  }

  /** Why it refuses; undefined where it does as asked. */
  async ask(request: ZdsRequest, descriptors: readonly number[] = []): Promise<string | undefined> {
    return this.askBytes(zdsRequest.encode(request), descriptors);
  }

  async askBytes(bytes: Uint8Array, descriptors: readonly number[] = []): Promise<string | undefined> {
    this.send(bytes, descriptors);
    return this.answer();
  }

  /** Its next answer. */
  async answer(): Promise<string | undefined> {
    const answer = zdsAnswer.decode(await this.#next());
    if (!answer.ok) throw new Error(answer.error);
    return answer.value.problem;
  }

  send(bytes: Uint8Array, descriptors: readonly number[] = []): void {
    this.#connection.send(Buffer.from(bytes), descriptors);
  }

  close(): void {
    this.isClosed = true;
    this.#connection.close();
  }

  async closed(): Promise<void> {
    await this.signal.until(() => this.isClosed);
  }

  async #next(): Promise<Buffer> {
    await this.signal.until(() => this.#said.length > 0 || this.isClosed);
    const bytes = this.#said.shift();
    if (!bytes) throw new Error('the proxy has closed the connection');
    return bytes;
  }
}

/** The server of ZDS, of which a test says what it asks. */
export class FakeNodeAgent {
  readonly #signal = new Signal();
  readonly #listener: PacketListener;
  readonly #proxies: ConnectedProxy[] = [];
  readonly #all: ConnectedProxy[] = [];

  constructor(path: string) {
    this.#listener = new PacketListener(path, (connection) => {
      const proxy = new ConnectedProxy(connection);
      this.#proxies.push(proxy);
      this.#all.push(proxy);
      this.#signal.ring();
    });
  }

  /** The next proxy that connects, once it has said hello. */
  async proxy(): Promise<ConnectedProxy> {
    await this.#signal.until(() => this.#proxies.length > 0);
    const proxy = this.#proxies.shift();
    if (!proxy || !(await proxy.hello())) throw new Error('no hello');
    return proxy;
  }

  close(): void {
    this.#listener.close();
    for (const proxy of this.#all) proxy.close();
  }
}

export const aZdsPod = (name: string): ZdsPod => ({
  uid: `uid-of-${name}`,
  name,
  namespace: 'shop',
  serviceAccount: name,
});
