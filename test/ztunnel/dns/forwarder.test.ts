import assert from 'node:assert/strict';
import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import { forward } from '@isthmus/ztunnel/dns/forwarder.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { seededRandom } from '../../fakes/random.ts';
import { answerTo, decoded, queryOf, questionBytes, withEdns } from './asked.ts';
import { ResolverNet, type Asked } from './resolver-net.ts';

const first: AddressPort = { address: '10.96.0.10', port: 53 };
const second: AddressPort = { address: '10.96.0.11', port: 53 };
const query = queryOf(questionBytes('www.Elsewhere.org', 'A', withEdns(1232)));
const refusal = (asked: Buffer, rcode: number): Buffer => {
  const said = answerTo(asked, '');
  said.writeUInt16BE(said.readUInt16BE(2) | rcode, 2);
  return said;
};
const truncated = (asked: Buffer): Buffer => {
  const said = answerTo(asked, '');
  said.writeUInt16BE(said.readUInt16BE(2) | 0x0200, 2);
  return said;
};

class World {
  readonly clock = new FakeClock();
  readonly net: ResolverNet;
  readonly answered: Promise<Buffer | undefined>;
  millis: number | undefined;

  constructor(onAsked: (asked: Asked) => void, resolvers: readonly AddressPort[] = [first, second]) {
    this.net = new ResolverNet(onAsked);
    const deps = { clock: this.clock, random: seededRandom(1), sockets: this.net };
    this.answered = forward(deps, query, 'udp', resolvers).then((answer) => {
      this.millis = this.clock.monotonic();
      return answer;
    });
  }

  /** What a client receives, and after how long; nothing: it waits for the clock. */
  async received(): Promise<string> {
    await this.clock.advance(0);
    await this.clock.advance(20_000);
    const answer = await this.answered;
    assert.equal(this.net.open, 0, 'every socket is closed');
    if (!answer) return `nothing after ${this.millis} ms`;
    const { id, rcode, answers = [] } = decoded(answer);
    assert.equal(id, query.id, 'under the id of the client');
    return [
      rcode,
      ...answers.map((one) => ('data' in one && typeof one.data === 'string' ? one.data : '')),
    ].join(' ');
  }
}

describe('a question that is forwarded', () => {
  it('goes to the first resolver as it came, but for its id', async () => {
    const world = new World(({ bytes, say }) => say(answerTo(bytes, '192.0.2.1')));
    assert.equal(await world.received(), 'NOERROR 192.0.2.1');
    assert.equal(world.net.asked.length, 1);
    const [{ bytes, to } = { bytes: Buffer.alloc(0), to: second }] = world.net.asked;
    assert.deepEqual(to, first);
    assert.ok(bytes.subarray(2).equals(query.bytes.subarray(2)));
    assert.notEqual(bytes.readUInt16BE(0), query.id);
  });

  it('has another id each time', async () => {
    const ids = new Set<number>();
    const clock = new FakeClock();
    const net = new ResolverNet(({ bytes, say }) => {
      ids.add(bytes.readUInt16BE(0));
      say(answerTo(bytes, '192.0.2.1'));
    });
    const deps = { clock, random: seededRandom(3), sockets: net };
    for (let i = 0; i < 20; i++) await forward(deps, query, 'udp', [first]);
    assert.ok(ids.size > 18, `${ids.size} of 20`);
  });

  const lies: Record<string, (asked: Asked) => void> = {
    'another id': ({ bytes, say }) => {
      const lie = answerTo(bytes, '203.0.113.66');
      lie.writeUInt16BE((bytes.readUInt16BE(0) + 1) & 0xffff, 0);
      say(lie);
    },
    'another name': ({ bytes, say }) => {
      const lie = answerTo(bytes, '203.0.113.66');
      lie.write('x', 13);
      say(lie);
    },
    'another type': ({ bytes, say }) => {
      const lie = answerTo(bytes, '203.0.113.66');
      lie.writeUInt16BE(28, query.questionEnd - 4);
      say(lie);
    },
    'another sender': ({ bytes, say }) => say(answerTo(bytes, '203.0.113.66'), second),
    'another port of the resolver': ({ bytes, say }) =>
      say(answerTo(bytes, '203.0.113.66'), { ...first, port: 5353 }),
    'a question in place of an answer': ({ bytes, say }) => say(bytes),
    'half a header': ({ bytes, say }) => say(answerTo(bytes, '203.0.113.66').subarray(0, 11)),
    'no question, and no error': ({ bytes, say }) => {
      const lie = answerTo(bytes, '203.0.113.66', { questions: [] });
      say(lie);
    },
  };
  for (const [what, lie] of Object.entries(lies))
    it(`ignores ${what}, and takes the answer that comes then`, async () => {
      const world = new World((asked) => {
        lie(asked);
        asked.say(answerTo(asked.bytes, '192.0.2.1'));
      });
      assert.equal(await world.received(), 'NOERROR 192.0.2.1');
      assert.equal(world.net.asked.length, 1);
    });

  for (const [count, received] of [
    [31, 'NOERROR 192.0.2.1'],
    [32, 'NOERROR 192.0.2.1'],
    [33, 'nothing after 0 ms'],
  ] as const)
    it(`hears ${count === 33 ? 'nothing more' : 'the answer'} after ${count} lies`, async () => {
      const world = new World(
        (asked) => {
          for (let i = 0; i < count; i++) lies['another id']?.(asked);
          asked.say(answerTo(asked.bytes, '192.0.2.1'));
        },
        [first],
      );
      assert.equal(await world.received(), received);
    });

  it('takes letters of the name in another case', async () => {
    const world = new World(({ bytes, say }) => {
      const said = answerTo(bytes, '192.0.2.1');
      said.write('WWW', 13);
      say(said);
    });
    assert.equal(await world.received(), 'NOERROR 192.0.2.1');
  });

  it('learns that there is no such name, without asking anybody else', async () => {
    const world = new World(({ bytes, say }) => say(refusal(bytes, 3)));
    assert.equal(await world.received(), 'NXDOMAIN');
    assert.equal(world.net.asked.length, 1);
  });

  it('goes on to the next resolver once the first has had its half of 5 s', async () => {
    const world = new World(({ bytes, to, say }) => {
      if (to === second) say(answerTo(bytes, '192.0.2.2'));
    });
    assert.equal(await world.received(), 'NOERROR 192.0.2.2');
    assert.equal(world.millis, 2500);
  });

  it('goes on at once where nobody listens', async () => {
    const world = new World(({ bytes, to, say, fail }) =>
      to === first ? fail() : say(answerTo(bytes, '192.0.2.2')),
    );
    assert.equal(await world.received(), 'NOERROR 192.0.2.2');
    assert.equal(world.millis, 0);
  });

  for (const [rcode, name] of [
    [2, 'SERVFAIL'],
    [4, 'NOTIMP'],
    [5, 'REFUSED'],
  ] as const)
    it(`goes on after ${name}, which is said if nobody knows better`, async () => {
      const better = new World(({ bytes, to, say }) =>
        say(to === first ? refusal(bytes, rcode) : answerTo(bytes, '192.0.2.2')),
      );
      assert.equal(await better.received(), 'NOERROR 192.0.2.2');
      const alike = new World(({ bytes, say }) => say(refusal(bytes, rcode)));
      assert.equal(await alike.received(), name);
      const silent = new World(({ bytes, to, say }) => {
        if (to === first) say(refusal(bytes, rcode));
      });
      assert.equal(await silent.received(), name);
    });

  it('learns that a resolver cannot read it, which repeats no question then', async () => {
    const world = new World(({ bytes, say }) => {
      const said = answerTo(bytes, '', { questions: [] });
      said.writeUInt16BE(said.readUInt16BE(2) | 1, 2);
      say(said);
    });
    assert.equal(await world.received(), 'FORMERR');
  });

  it('is given up after 5 s, however many resolvers there are', async () => {
    for (const resolvers of [[first], [first, second], [first, second, first]])
      assert.equal(await new World(() => undefined, resolvers).received(), 'nothing after 5000 ms');
    assert.equal(await new World(() => undefined, []).received(), 'nothing after 0 ms');
  });

  it('is asked again over TCP when the answer was cut, and the cut one is better than none', async () => {
    const world = new World(({ bytes, say }) => say(truncated(bytes)));
    assert.equal(await world.received(), 'NOERROR');
    assert.equal(((await world.answered)?.readUInt16BE(2) ?? 0) & 0x0200, 0x0200);
    assert.equal(world.net.asked.length, 1, 'a cut answer is one');
  });
});
