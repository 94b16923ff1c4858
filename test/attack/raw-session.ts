import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { frame, frameTypes, flags, preface, settings } from './frames.ts';
import type { Aim, SessionOutcome } from './job.ts';

type Setting = readonly [id: number, value: number];

/** A client of HTTP/2 that sends whatever bytes it is given, over mTLS with a workload's certificate. */
export class RawSession {
  /** Frames of the attack so far; attacks count them themselves. */
  sent = 0;
  accepted = 0;
  refused = 0;
  reset = 0;
  /** Bytes of DATA received. */
  received = 0;
  onData: (stream: number, bytes: number) => void = () => undefined;
  onReset: (stream: number) => void = () => undefined;
  /** Bytes of DATA that the target lets come on the connection (RFC 9113 6.9.2); an attack takes from it what it sends. */
  window = 65_535;
  /** The target lets so many bytes more come on a stream, or on the connection: 0. */
  onWindow: (stream: number, increment: number) => void = () => undefined;
  onAnswer: (stream: number, accepted: boolean) => void = () => undefined;
  readonly closed: Promise<unknown>;
  readonly #socket: TLSSocket;
  #pending = Buffer.alloc(0);
  #begun: number | undefined;
  #closedAt: number | undefined;
  #left = false;
  #heardSettings: () => void = () => undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        if (!this.#left) this.#closedAt = performance.now();
        resolve(undefined);
      });
    });
    socket.on('data', (bytes: Buffer) => this.#hear(bytes)).on('end', () => socket.destroy());
  }

  /** Resolves when the target's SETTINGS have come, undefined when the connection ends before. */
  static async open(aim: Aim, ...own: readonly Setting[]): Promise<RawSession | undefined> {
    const socket = await shakeHands(aim);
    if (!socket) return undefined;
    const session = new RawSession(socket);
    const settled = new Promise<void>((resolve) => (session.#heardSettings = resolve));
    socket.write(Buffer.concat([preface, settings(...own)]));
    const timer = aim.patience === undefined ? undefined : setTimeout(() => session.leave(), aim.patience);
    await Promise.race([settled, session.closed]);
    clearTimeout(timer);
    return socket.destroyed ? undefined : session;
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** From here on it is the attack. */
  begin(): void {
    this.#begun = performance.now();
  }

  /** Resolves when the socket wants more; false once it is closed. */
  async send(bytes: Buffer): Promise<boolean> {
    if (this.isClosed) return false;
    if (this.#socket.write(bytes)) await new Promise((resolve) => setImmediate(resolve));
    else await Promise.race([once(this.#socket, 'drain').catch(() => undefined), this.closed]);
    return !this.isClosed;
  }

  /** Takes nothing more from the socket, so that the target's writes stand still. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** The attacker goes away, abruptly. */
  leave(): void {
    if (!this.isClosed) this.#left = true;
    this.#socket.destroy();
  }

  outcome(): SessionOutcome {
    const { sent, accepted, refused, reset } = this;
    const closedAfter =
      this.#closedAt === undefined ? null : this.#closedAt - (this.#begun ?? this.#closedAt);
    return { closedAfter, sent, accepted, refused, reset };
  }

  #hear(bytes: Buffer): void {
    this.#pending = this.#pending.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#pending, bytes]);
    while (this.#pending.length >= 9) {
      const length = this.#pending.readUIntBE(0, 3);
      if (this.#pending.length < 9 + length) return;
      this.#frame(this.#pending[3]!, this.#pending[4]!, this.#pending.readUInt32BE(5), length);
      this.#pending = this.#pending.subarray(9 + length);
    }
  }

  #frame(type: number, flag: number, stream: number, length: number): void {
    if (type === frameTypes.settings && !(flag & flags.ack)) {
      this.#socket.write(frame(frameTypes.settings, flags.ack, 0));
      this.#heardSettings();
    } else if (type === frameTypes.rstStream) {
      this.reset++;
      this.onReset(stream);
    } else if (type === frameTypes.data) {
      this.received += length;
      this.onData(stream, length);
    } else if (type === frameTypes.windowUpdate) {
      const increment = this.#pending.readUInt32BE(9);
      if (stream === 0) this.window += increment;
      this.onWindow(stream, increment);
    } else if (type === frameTypes.headers) this.#answered(stream, this.#pending[9]);
  }

  /** 0x88 is `:status: 200` of the static table; a change of the table's size may stand before it. */
  #answered(stream: number, first = 0): void {
    const code = (first & 0xe0) === 0x20 ? this.#pending[10] : first;
    const accepted = code === 0x88;
    this[accepted ? 'accepted' : 'refused']++;
    this.onAnswer(stream, accepted);
  }
}

/** TLS with a workload's certificate; undefined when the connection ended before. */
export async function shakeHands({
  host,
  port,
  localAddress,
  key,
  chain,
}: Aim): Promise<TLSSocket | undefined> {
  const raw = connectTcp({ host, port, localAddress });
  raw.on('error', () => undefined);
  const options = { socket: raw, key, cert: chain, ALPNProtocols: ['h2'], rejectUnauthorized: false };
  const socket = connectTls(options);
  socket.on('error', () => undefined);
  const ended = new Promise((resolve) => socket.once('close', resolve));
  await Promise.race([once(socket, 'secureConnect').catch(() => undefined), ended]);
  return socket.destroyed ? undefined : socket;
}
