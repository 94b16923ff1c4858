import { zdsAnswer, zdsMaxBytes, zdsRequest, type ZdsRequest } from '@isthmus/api/wire/zds.ts';
import type { Packet, PacketConnection } from '@isthmus/mesh/native/packets.ts';
import type { EnrolledPods } from './enrolled-pods.ts';

/** Requests that wait; a node agent waits for each answer, so more than one is against the protocol. */
export const maxWaiting = 16;

interface SessionDeps {
  readonly pods: EnrolledPods;
  readonly close: (descriptor: number) => void;
  /** Every pod of the node has been named, and is captured or refused. */
  readonly onSnapshot: () => void;
}

/** One connection to a node agent: its requests are done one by one, and answered in that order. */
export class Session {
  readonly #connection: PacketConnection;
  readonly #deps: SessionDeps;
  readonly #waiting: Packet[] = [];
  readonly #over = Promise.withResolvers<string>();
  #isBusy = false;
  #isOver = false;
  #why = '';

  constructor(connection: PacketConnection, deps: SessionDeps) {
    this.#connection = connection;
    this.#deps = deps;
    connection.watch(() => this.#read());
  }

  /** Resolves with why the connection is over, once nothing of it is being done any more. */
  get over(): Promise<string> {
    return this.#over.promise;
  }

  end(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection.close();
    for (const { descriptors } of this.#waiting.splice(0)) descriptors.forEach(this.#deps.close);
    this.#why = why;
    if (!this.#isBusy) this.#over.resolve(why);
  }

  #read(): void {
    try {
      for (let packet; !this.#isOver && (packet = this.#connection.receive(zdsMaxBytes));) this.#take(packet);
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    }
  }

  #take(packet: Packet): void {
    if (packet.bytes.length === 0) return this.end('the node agent has closed the connection');
    this.#waiting.push(packet);
    if (this.#waiting.length > maxWaiting)
      return this.end(`more than ${maxWaiting} requests wait for an answer`);
    if (!this.#isBusy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    for (let packet; (packet = this.#waiting.shift());) this.#answer(await this.#problemOf(packet));
    this.#isBusy = false;
    if (this.#isOver) this.#over.resolve(this.#why);
  }

  #answer(problem: string | undefined): void {
    if (this.#isOver) return;
    try {
      if (!this.#connection.send(Buffer.from(zdsAnswer.encode({ problem })))) this.end('it takes no answers');
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error));
    }
  }

  /** Closes the descriptors, but for one that is taken over. */
  async #problemOf({ bytes, descriptors, isCut }: Packet): Promise<string | undefined> {
    const decoded = zdsRequest.decode(bytes);
    const [namespace, ...others] = descriptors;
    if (
      decoded.ok &&
      !isCut &&
      decoded.value.kind === 'add' &&
      namespace !== undefined &&
      others.length === 0
    )
      return this.#deps.pods.add(decoded.value.pod, namespace);
    descriptors.forEach(this.#deps.close);
    if (isCut) return `the packet has more than ${zdsMaxBytes} bytes, or too many descriptors`;
    return decoded.ok ? this.#without(decoded.value, descriptors.length) : decoded.error;
  }

  #without(request: ZdsRequest, descriptors: number): string | undefined {
    const { pods } = this.#deps;
    switch (request.kind) {
      case 'add':
        return `an added pod comes with one descriptor, of its network namespace, and not with ${descriptors}`;
      case 'keep':
        return pods.keep(request.uid);
      case 'del':
        return pods.del(request.uid);
      case 'snapshot-sent': {
        const problem = pods.snapshot();
        if (problem === undefined) this.#deps.onSnapshot();
        return problem;
      }
    }
  }
}
