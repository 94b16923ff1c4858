import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { NodeStream } from '@isthmus/mesh/net/node/node-stream.ts';
import { serveConnection } from '@isthmus/ztunnel/dns/connection.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { questionBytes } from './asked.ts';

const question = (id: number): Buffer => {
  const bytes = questionBytes('cart', 'A', { id });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
const turns = async (until: () => boolean): Promise<void> => {
  while (!until()) await new Promise((resolve) => setImmediate(resolve));
};

describe('a TCP connection of a pod to its resolver', () => {
  const clock = new FakeClock();
  let server: Server;
  let client: Socket;
  /** What gives the answer of each question that came. */
  let asked: ((answer: Buffer | undefined) => void)[];
  let isOver = false;

  beforeEach(async () => {
    asked = [];
    isOver = false;
    server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      const answer = () => new Promise<Buffer | undefined>((resolve) => asked.push(resolve));
      void serveConnection(clock, new NodeStream(socket), answer).then(() => (isOver = true));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
    client.on('error', () => undefined).resume();
    await once(client, 'connect');
    await turns(() => clock.pending > 0);
  });

  afterEach(() => {
    client.destroy();
    server.close();
  });

  it('is closed after 10 s without a question, and after part of one', async () => {
    client.write(question(1).subarray(0, 5));
    await clock.advance(9999);
    assert.equal(isOver, false);
    await clock.advance(1);
    await turns(() => isOver);
  });

  it('stays while an answer is awaited, and 10 s from then', async () => {
    client.write(question(1));
    await turns(() => asked.length === 1);
    await clock.advance(60_000);
    assert.equal(isOver, false);
    asked[0]?.(Buffer.from('answer'));
    await clock.advance(0);
    await clock.advance(9999);
    assert.equal(isOver, false);
    await clock.advance(1);
    await turns(() => isOver);
  });

  it('is read no further behind 32 questions until one is answered', async () => {
    for (let i = 1; i <= 32; i++) {
      client.write(question(i));
      await turns(() => asked.length === i);
    }
    client.write(question(33));
    await clock.advance(0);
    await clock.advance(0);
    assert.equal(asked.length, 32);
    asked[7]?.(Buffer.from('answer'));
    await turns(() => asked.length === 33);
  });
});
