import assert from 'node:assert/strict';
import type { ByteStream, Receiver, Reset, ResetCode } from '@isthmus/mesh/net/byte-stream.ts';
import { settled } from '../fakes/turns.ts';

/** A receiver that keeps what it gets, and lets a test wait for it. */
export class Heard implements Receiver {
  readonly events: string[] = [];
  bytes: Buffer = Buffer.alloc(0);
  reset: Reset | undefined;
  #waiting: (() => void)[] = [];

  onBytes(bytes: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, bytes]);
    this.#changed();
  }

  onEnd(): void {
    this.#event('end');
  }

  onDrain(): void {
    this.#event('drain');
  }

  onClose(reset: Reset | undefined): void {
    this.reset = reset;
    this.#event(reset ? 'reset' : 'close');
  }

  get text(): string {
    return this.bytes.toString();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  closed(): Promise<void> {
    return this.until(() => this.events.includes('close') || this.events.includes('reset'));
  }

  #event(name: string): void {
    assert.ok(!this.events.includes('close') && !this.events.includes('reset'), `${name} after the close`);
    this.events.push(name);
    this.#changed();
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export interface StreamPair {
  readonly here: ByteStream;
  readonly there: ByteStream;
}

/**
 * What every byte stream keeps to. `codeOfReset` is what its peer learns of a reset. `clean` is false for a stream whose
 * `close`, with bytes of the peer unread, is a reset for that peer, as it is for TCP.
 */
export function byteStreams(
  name: string,
  open: () => Promise<StreamPair>,
  codeOfReset: ResetCode | undefined,
): void {
  describe(`byte stream: ${name}`, () => {
    let here: ByteStream;
    let there: ByteStream;
    let heard: Heard;
    let other: Heard;

    beforeEach(async () => {
      ({ here, there } = await open());
      [heard, other] = [new Heard(), new Heard()];
      here.receive(heard);
      there.receive(other);
    });

    afterEach(async () => {
      for (const [stream, ears] of [
        [here, heard],
        [there, other],
      ] as const) {
        stream.reset();
        stream.resume();
        await ears.closed();
      }
    });

    /** Writes until it has to stop, and what is below takes nothing more. */
    const fill = async (): Promise<void> => {
      for (let drains = -1; drains !== heard.events.length;) {
        drains = heard.events.length;
        while (here.write(Buffer.alloc(256 * 1024)));
        await settled();
      }
      heard.events.length = 0;
    };

    it('begins paused, and delivers what came meanwhile when it is resumed', async () => {
      here.write(Buffer.from('hello'));
      await settled();
      assert.equal(other.text, '');
      there.resume();
      await other.until(() => other.text === 'hello');
    });

    it('ends each direction by itself, and closes when both have ended', async () => {
      here.resume();
      there.resume();
      here.write(Buffer.from('question'));
      here.end();
      await other.until(() => other.events.includes('end'));
      assert.equal(other.text, 'question');
      assert.deepEqual(heard.events, []);
      there.write(Buffer.from('answer'));
      there.end();
      await Promise.all([heard.closed(), other.closed()]);
      assert.equal(heard.text, 'answer');
      assert.deepEqual(
        [heard.events, other.events],
        [
          ['end', 'close'],
          ['end', 'close'],
        ],
      );
      assert.deepEqual([here.closed, there.closed], [true, true]);
    });

    it('delivers no end while it is paused', async () => {
      there.resume();
      here.write(Buffer.from('a'));
      await other.until(() => other.text === 'a');
      there.pause();
      here.end();
      await settled();
      assert.deepEqual(other.events, []);
      there.resume();
      await other.until(() => other.events.includes('end'));
    });

    it('delivers first what was put back, and then the rest', async () => {
      there.resume();
      here.write(Buffer.from('abc'));
      await other.until(() => other.text === 'abc');
      there.pause();
      other.bytes = Buffer.alloc(0);
      there.putBack(Buffer.from('bc'));
      there.putBack(Buffer.from('a'));
      assert.ok(there.unread >= 3);
      here.write(Buffer.from('def'));
      here.end();
      await settled();
      assert.equal(other.text, '');
      there.resume();
      await other.until(() => other.events.includes('end'));
      assert.equal(other.text, 'abcdef');
    });

    it('says when to stop writing and when to go on', async () => {
      await fill();
      assert.ok(here.unsent > 0);
      assert.deepEqual(heard.events, []);
      there.resume();
      await heard.until(() => heard.events.includes('drain'));
    });

    it('closes at both ends by a reset, also where nobody reads', async () => {
      here.write(Buffer.from('something'));
      here.reset();
      here.reset();
      there.resume();
      await Promise.all([heard.closed(), other.closed()]);
      assert.deepEqual([heard.events, other.events.at(-1)], [['reset'], 'reset']);
      assert.equal(other.events.includes('end'), false);
      assert.deepEqual([other.reset?.code, other.reset?.error], [codeOfReset, undefined]);
    });

    it('closes by a reset of its peer while a write waits', async () => {
      await fill();
      there.reset();
      here.resume();
      await heard.closed();
      assert.equal(heard.events.at(-1), 'reset');
      assert.equal(here.write(Buffer.from('more')), true, 'nothing is waited for after a close');
    });

    it('delivers what was written before `close`, and then closes without an end', async () => {
      there.resume();
      here.write(Buffer.from('the last word'));
      here.close();
      await heard.closed();
      assert.deepEqual(heard.events, ['close']);
      await other.until(() => other.events.length > 0);
      assert.equal(other.text, 'the last word');
      assert.equal(other.events[0], 'end');
    });

    it('closes after `close` though the end of its peer was not taken', async () => {
      here.resume();
      there.resume();
      here.write(Buffer.from('a'));
      await other.until(() => other.text === 'a');
      there.pause();
      here.end();
      await settled();
      there.close();
      await other.closed();
      assert.deepEqual(other.events, ['close']);
    });

    it('tells a receiver that comes after the close of it', async () => {
      here.reset();
      await heard.closed();
      const late = new Heard();
      here.receive(late);
      assert.deepEqual(late.events, []);
      await late.closed();
      assert.deepEqual(late.events, ['reset']);
    });

    it('closes at once by `close` where nothing was written, though its peer reads nothing', async () => {
      here.close();
      await heard.closed();
      assert.deepEqual(heard.events, ['close']);
    });

    it('tells a receiver that comes after the end of it, after what was put back', async () => {
      there.resume();
      here.write(Buffer.from('abc'));
      here.end();
      await other.until(() => other.events.includes('end'));
      there.pause();
      there.putBack(Buffer.from('abc'));
      const late = new Heard();
      there.receive(late);
      await settled();
      assert.deepEqual([late.text, late.events], ['', []]);
      there.resume();
      await late.until(() => late.events.includes('end'));
      assert.equal(late.text, 'abc');
      there.receive(other);
    });

    it('writes nothing after its end', async () => {
      there.resume();
      here.write(Buffer.from('all'));
      here.end();
      assert.equal(here.write(Buffer.from(' and more')), true);
      await other.until(() => other.events.includes('end'));
      assert.equal(other.text, 'all');
    });
  });
}
