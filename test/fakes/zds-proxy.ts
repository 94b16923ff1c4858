import { zdsAnswer, zdsHello, zdsMaxBytes, zdsRequest, type ZdsRequest } from '@isthmus/api/wire/zds.ts';
import { closeDescriptor } from '@isthmus/mesh/native/native.ts';
import { connectPackets, type PacketConnection } from '@isthmus/mesh/native/packets.ts';

/** The end of a proxy, by ZDS: it answers every request as `answer` says, and remembers what it was asked. */
export class ZdsProxy {
  readonly requests: ZdsRequest[] = [];
  /** How many descriptors came with each. */
  readonly descriptors: number[] = [];
  isClosed = false;
  /** Undefined: it does not answer at all. */
  answer: (request: ZdsRequest) => { readonly problem: string | undefined } | undefined = () => ({
    problem: undefined,
  });
  readonly #connection: PacketConnection;

  constructor(path: string, { saysHello = true } = {}) {
    this.#connection = connectPackets(path);
    this.#connection.watch(() => this.#receive());
    if (saysHello) this.send(zdsHello.encode({}));
  }

  send(bytes: Uint8Array): void {
    this.#connection.send(Buffer.from(bytes));
  }

  get asked(): readonly string[] {
    return this.requests.map((request) =>
      request.kind === 'add'
        ? `add ${request.pod.uid}`
        : request.kind === 'snapshot-sent'
          ? 'snapshot'
          : `${request.kind} ${request.uid}`,
    );
  }

  close(): void {
    this.isClosed = true;
    this.#connection.close();
  }

  #receive(): void {
    while (!this.isClosed) {
      let packet;
      try {
        packet = this.#connection.receive(zdsMaxBytes);
      } catch {
        return this.close();
      }
      if (!packet) return;
      if (packet.bytes.length === 0) return this.close();
      this.descriptors.push(packet.descriptors.length);
      for (const descriptor of packet.descriptors) closeDescriptor(descriptor);
      const request = zdsRequest.decode(packet.bytes);
      if (!request.ok) throw new Error(request.error);
      this.requests.push(request.value);
      const answer = this.answer(request.value);
      if (answer) this.send(zdsAnswer.encode(answer));
    }
  }
}
