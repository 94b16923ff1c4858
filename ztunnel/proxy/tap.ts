import type { ByteStream, Lender, Receiver, Reset, SentCode } from '@isthmus/mesh/net/byte-stream.ts';

export type TapAction = 'read' | 'written';

/** Takes one chunk: whether it was read or written, and at which end. */
export type Tap = (action: TapAction, end: string, bytes: Buffer) => void;

/** One chunk as it stands in a tap's file: a line that says what it is, the bytes as they are, and a newline. */
export const tapEntry = (action: TapAction, end: string, bytes: Buffer, now: number): Buffer =>
  Buffer.concat([
    Buffer.from(`#tap ${new Date(now).toISOString()} ${action} ${end} ${bytes.length}\n`),
    bytes,
    Buffer.from('\n'),
  ]);

/** Takes the chunks that pass one stream. */
export type Show = (action: TapAction, bytes: Buffer) => void;

/**
 * The same stream, which shows every chunk that passes it in either direction. `onClose` is called when it has closed,
 * also where it has no receiver.
 */
export const tapped = (
  stream: ByteStream,
  show: Show,
  onClose: (reset: Reset | undefined) => void = () => undefined,
): ByteStream => new Tapped(stream, show, onClose);

class Tapped implements ByteStream, Receiver {
  readonly #stream: ByteStream;
  readonly #show: Show;
  readonly #closed: (reset: Reset | undefined) => void;
  #receiver: Receiver | undefined;

  constructor(stream: ByteStream, show: Show, onClose: (reset: Reset | undefined) => void) {
    this.#stream = stream;
    this.#show = show;
    this.#closed = onClose;
    stream.receive(this);
  }

  receive(receiver: Receiver): void {
    this.#receiver = receiver;
    this.#stream.receive(this);
  }

  onBytes(bytes: Buffer, lender: Lender | undefined): void {
    this.#show('read', bytes);
    this.#receiver?.onBytes(bytes, lender);
  }

  onEnd = (): void => this.#receiver?.onEnd();
  onDrain = (): void => this.#receiver?.onDrain();

  onClose(reset: Reset | undefined): void {
    this.#closed(reset);
    this.#receiver?.onClose(reset);
  }

  write(bytes: Buffer, lender?: Lender): boolean {
    this.#show('written', bytes);
    return this.#stream.write(bytes, lender);
  }

  pause = (): void => this.#stream.pause();
  resume = (): void => this.#stream.resume();
  putBack = (bytes: Buffer): void => this.#stream.putBack(bytes);
  end = (): void => this.#stream.end();
  close = (): void => this.#stream.close();
  reset = (code?: SentCode): void => this.#stream.reset(code);

  get whenClosed(): Promise<Reset | undefined> {
    return this.#stream.whenClosed;
  }

  get closed(): boolean {
    return this.#stream.closed;
  }

  get unread(): number {
    return this.#stream.unread;
  }

  get unsent(): number {
    return this.#stream.unsent;
  }

  get window(): number {
    return this.#stream.window;
  }
}
