import assert from 'node:assert/strict';
import { Pump } from '@isthmus/api/grpc/pump.ts';

/** A stream that takes so many messages, then is full until it is drained. */
class FakeStream {
  readonly taken: number[] = [];
  readonly #room: number;
  #left: number;
  #drained: (() => void) | undefined;

  constructor(room: number) {
    this.#room = room;
    this.#left = room;
  }

  write(message: number): boolean {
    this.taken.push(message);
    return --this.#left > 0;
  }

  once(_event: 'drain', listener: () => void): void {
    this.#drained = listener;
  }

  drain(): void {
    this.#left = this.#room;
    this.#drained?.();
  }
}

describe('a pump', () => {
  it('pulls only while the stream takes more, and goes on with the latest when it is drained', () => {
    const stream = new FakeStream(2);
    let latest = 0;
    let sent = -1;
    const next = () => (sent === latest ? undefined : (sent = latest));
    const pump = new Pump(stream, next);
    for (; latest < 10; latest++) pump.wake();
    assert.deepEqual(stream.taken, [0, 1]);
    stream.drain();
    assert.deepEqual(stream.taken, [0, 1, 10]);
  });

  it('says nothing any more once it is stopped', () => {
    const stream = new FakeStream(1);
    let n = 0;
    const pump = new Pump(stream, () => n++);
    pump.wake();
    pump.stop();
    stream.drain();
    assert.deepEqual(stream.taken, [0]);
  });
});
