import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import packet, { type Answer, type DecodedPacket } from 'dns-packet';
import type { AddressPort } from '@isthmus/mesh/net/address.ts';

/** What a resolver says: records, or a code. */
export type Said = readonly Answer[] | number;

/** A resolver of a network, over UDP and TCP at one address. Over UDP it cuts what is larger than its client takes. */
export class TestResolver {
  readonly asked: { readonly over: 'udp' | 'tcp'; readonly name: string; readonly from: AddressPort }[] = [];
  readonly at: AddressPort;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #sockets = new Set<Socket>();
  readonly #said: (name: string, type: string) => Said;
  /** Called with each datagram before it is answered. */
  onDatagram: (bytes: Buffer, from: AddressPort) => void = () => undefined;

  private constructor(at: AddressPort, said: (name: string, type: string) => Said) {
    this.at = at;
    this.#said = said;
    this.#udp = createSocket({ type: at.address.includes(':') ? 'udp6' : 'udp4' });
    this.#tcp = createServer((socket) => this.#serve(socket));
  }

  static async start(at: AddressPort, said: (name: string, type: string) => Said): Promise<TestResolver> {
    const resolver = new TestResolver(at, said);
    resolver.#udp.bind(at);
    resolver.#tcp.listen(at.port, at.address);
    await Promise.all([once(resolver.#udp, 'listening'), once(resolver.#tcp, 'listening')]);
    resolver.#udp.on('message', (bytes, from) => {
      resolver.onDatagram(bytes, from);
      resolver.#udp.send(resolver.#answer(bytes, 'udp', from), from.port, from.address);
    });
    return resolver;
  }

  async stop(): Promise<void> {
    this.#udp.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#tcp.close();
    await once(this.#tcp, 'close');
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket.on('error', () => undefined));
    socket.on('data', (bytes) => {
      const from = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
      const answer = this.#answer(bytes.subarray(2), 'tcp', from);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    });
  }

  #answer(bytes: Buffer, over: 'udp' | 'tcp', from: AddressPort): Buffer {
    const { id = 0, questions = [], additionals = [] }: DecodedPacket = packet.decode(bytes);
    const [{ name, type } = { name: '', type: 'A' }] = questions;
    this.asked.push({ over, name, from: { address: from.address, port: from.port } });
    const said = this.#said(name, type);
    const opt = additionals.find((one) => one.type === 'OPT');
    const room = opt?.type === 'OPT' ? opt.udpPayloadSize : 512;
    const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE;
    const response = (answers: readonly Answer[], more: number) =>
      packet.encode({ type: 'response', id, flags: flags | more, questions, answers: [...answers] });
    if (typeof said === 'number') return response([], said);
    const whole = response(said, 0);
    return over === 'udp' && whole.length > room ? response([], packet.TRUNCATED_RESPONSE) : whole;
  }
}
