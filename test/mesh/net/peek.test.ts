import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import { peek } from '@isthmus/mesh/net/peek.ts';
import { Heard } from '../../conformance/byte-stream.ts';
import { socketPair } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { holds } from '../../fakes/turns.ts';

describe('mesh/net peek', () => {
  let client: Socket;
  let server: NodeStream;
  let clock: FakeClock;
  beforeEach(async () => {
    clock = new FakeClock();
    const pair = await socketPair();
    client = pair.client.on('error', () => undefined);
    server = new NodeStream(pair.server);
  });
  afterEach(() => {
    client.destroy();
    server.reset();
  });

  const patience = { firstMillis: 200, enoughMillis: 1000 };
  const look = (enough: (chunk: Buffer) => boolean = () => true) => peek(server, clock, patience, enough);
  /** All that is left to read, up to the peer's end. */
  async function rest(): Promise<string> {
    const heard = new Heard();
    server.receive(heard);
    server.resume();
    await heard.until(() => heard.events.includes('end'));
    return heard.text;
  }

  it('shows the first bytes and leaves them where they were', async () => {
    client.end('hello');
    const peeked = await look();
    assert.deepEqual(peeked, { kind: 'bytes', bytes: Buffer.from('hello') });
    assert.equal(await rest(), 'hello');
    assert.equal(clock.pending, 0);
  });

  it('waits until there is enough, and loses nothing of what came in parts', async () => {
    const asked: string[] = [];
    const looking = look((bytes) => {
      asked.push(bytes.toString());
      return asked.join('').length >= 6;
    });
    client.write('one');
    await holds(() => asked.length > 0);
    client.end('two');
    assert.deepEqual(await looking, { kind: 'bytes', bytes: Buffer.from('onetwo') });
    assert.deepEqual(asked, ['one', 'two']);
    assert.equal(await rest(), 'onetwo');
  });

  it('is silent when nothing comes in time, and the peer may still speak', async () => {
    const looking = look();
    await clock.advance(200);
    assert.deepEqual(await looking, { kind: 'silent' });
    client.end('late');
    assert.equal(await rest(), 'late');
  });

  it('shows what there is when the time is over', async () => {
    const asked: string[] = [];
    const looking = look((bytes) => {
      asked.push(bytes.toString());
      return false;
    });
    client.write('part');
    await holds(() => asked.length > 0);
    // From the first byte on it is another time that counts.
    await clock.advance(999);
    assert.equal(clock.pending, 1);
    await clock.advance(1);
    assert.deepEqual(await looking, { kind: 'bytes', bytes: Buffer.from('part') });
    client.end();
    assert.equal(await rest(), 'part');
  });

  it('has ended when the peer goes without a byte', async () => {
    const looking = look();
    client.end();
    assert.deepEqual(await looking, { kind: 'ended' });
    assert.equal(clock.pending, 0);
  });

  it('has ended when the connection is reset', async () => {
    const looking = look();
    client.resetAndDestroy();
    assert.deepEqual(await looking, { kind: 'ended' });
  });

  it('leaves an end that it has heard to be heard again, after the bytes', async () => {
    const looking = look(() => false);
    client.end('all');
    const peeked = await looking;
    assert.deepEqual(peeked, { kind: 'bytes', bytes: Buffer.from('all') });
    assert.equal(await rest(), 'all');
  });

  it('leaves what it has seen to what takes the connection over', async () => {
    client.write('hello');
    await look();
    assert.equal(String(server.handOver().read()), 'hello');
  });
});
