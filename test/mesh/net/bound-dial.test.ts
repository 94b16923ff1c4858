import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { BoundDialer } from '@isthmus/mesh/net/node/bound-dial.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { claimBlock, type Claim } from '@isthmus/sandbox/instance/claim.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('mesh/net bound dialer', () => {
  let claim: Claim;
  let from: string;
  let other: string;
  let server: Server;
  let port: number;
  const sockets: Socket[] = [];
  before(async () => {
    claim = await claimBlock({ first: 150, table: () => [] });
    [from, other] = [`127.${claim.octet}.1.1`, `127.${claim.octet}.1.2`];
  });
  after(() => claim.release());
  beforeEach(async () => {
    server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as { port: number });
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.resetAndDestroy();
    server.close();
  });

  /** A dialer whose first port is that share of the way from 16,384 to 32,768. */
  function dialer(start: number) {
    const clock = new FakeClock();
    const bound = new BoundDialer(clock, { ...systemRandom, fraction: () => start });
    const dial = async (
      localAddress: string | undefined,
      over: { port?: number; signal?: AbortSignal } = {},
    ) => {
      const target = { address: '127.0.0.1', port, localAddress, timeoutMillis: 1000, ...over };
      const socket = await bound.dial(target);
      sockets.push(socket.on('error', () => undefined));
      return `${socket.localAddress ?? ''}:${socket.localPort ?? 0}`;
    };
    return { clock, dial, bound };
  }

  it('takes the ports of each address in turn, by a count of its own', async () => {
    const { clock, dial } = dialer(0.5);
    const dialled = [await dial(from), await dial(other), await dial(from), await dial(other)];
    assert.deepEqual(dialled, [`${from}:24576`, `${other}:24576`, `${from}:24577`, `${other}:24577`]);
    assert.equal(clock.pending, 0);
  });

  it('stays below the ports of the kernel, and begins again', async () => {
    const { dial } = dialer(0.99999);
    assert.deepEqual([await dial(from), await dial(from)], [`${from}:32767`, `${from}:16384`]);
  });

  it('passes over a port that is taken', async () => {
    const taken = createServer().listen(20_480, from);
    await once(taken, 'listening');
    const { clock, dial } = dialer(0.25);
    assert.equal(await dial(from), `${from}:20481`);
    assert.equal(clock.pending, 0);
    taken.close();
  });

  it('leaves the choice to the kernel where no address is asked for', async () =>
    assert.match(await dialer(0.5).dial(undefined), /^127\.0\.0\.1:\d+$/));

  it('names the address that refuses', async () => {
    server.close();
    await once(server, 'close');
    const { clock, dial } = dialer(0.5);
    await assert.rejects(dial(from), { code: 'DIAL_REFUSED', message: /^127\.0\.0\.1:\d+ .*ECONNREFUSED/ });
    assert.equal(clock.pending, 0);
  });

  it('gives up after its time, and says what may be the reason', async () => {
    const { clock, dial } = dialer(0.5);
    const outcome = assert.rejects(dial(from), {
      code: 'DIAL_TIMEOUT',
      message: /within 1000 ms; a network policy/,
    });
    await clock.advance(1000);
    await outcome;
  });

  it('remembers the next port of 1,024 local addresses, and no more', async () => {
    const { dial, bound } = dialer(0);
    const many = Array.from({ length: 1025 }, (_, i) => `127.${claim.octet}.${10 + (i >> 8)}.${i & 255}`);
    for (const [index, address] of many.entries()) {
      await assert.rejects(dial(address, { port: 1 }), { code: 'DIAL_REFUSED' });
      assert.equal(bound.remembered, Math.min(index + 1, 1024));
    }
  });

  it('gives up when its signal aborts', async () => {
    const { clock, dial } = dialer(0.5);
    const abort = new AbortController();
    const outcome = assert.rejects(dial(from, { signal: abort.signal }), { code: 'DIAL_ABORTED' });
    abort.abort();
    await outcome;
    assert.equal(clock.pending, 0);
  });

  it('tries once from an address that this machine does not have, as no port of it can help', async () => {
    let attempts = 0;
    const clock = new FakeClock();
    const after: FakeClock['after'] = (delay, run) => {
      attempts++;
      return clock.after(delay, run);
    };
    const counting = { now: () => clock.now(), monotonic: () => clock.monotonic(), after };
    const bound = new BoundDialer(counting, systemRandom);
    const target = { address: '127.0.0.1', port, localAddress: '192.0.2.1', timeoutMillis: 1000 };
    await assert.rejects(bound.dial(target), { code: 'DIAL_REFUSED', message: /EADDRNOTAVAIL/ });
    assert.equal(attempts, 1);
  });
});
