import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { claimBlock, type Claim } from '@isthmus/sandbox/instance/claim.ts';
import { bindSocket, Listeners, type Bind } from '@isthmus/ztunnel/capture/loopback/listeners.ts';
import type { Wanted } from '@isthmus/ztunnel/capture/loopback/plan.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { Signal } from '../../fakes/xds-world.ts';

const wanting = (...all: readonly Wanted[]) => new Map(all.map((one) => [`${one.address}:${one.port}`, one]));

/** A bind that fails for some ports as a machine would. */
const failing =
  (codes: ReadonlyMap<number, string>): Bind =>
  (server: Server, host, port) => {
    const code = codes.get(port);
    if (code === undefined) bindSocket(1)(server, host, port);
    else setImmediate(() => server.emit('error', Object.assign(new Error(`listen ${code}`), { code })));
  };

describe('ztunnel/capture listeners', () => {
  let claim: Claim;
  let address: string;
  before(async () => {
    claim = await claimBlock({ first: 150, table: () => [] });
    address = `127.${claim.octet}.1.1`;
  });
  after(() => claim.release());

  const vip = (port: number, host = address): Wanted => ({ address: host, port, role: { kind: 'vip' } });
  const all: Listeners[] = [];
  afterEach(() => {
    for (const listeners of all.splice(0)) listeners.close();
  });

  function world(bind: Bind = bindSocket(1)) {
    const clock = new FakeClock();
    const signal = new Signal();
    const said: string[] = [];
    const say = (text: string) => {
      said.push(text);
      signal.ring();
    };
    const listeners = new Listeners({
      bind,
      clock,
      onConnection(socket, { port, role }) {
        say(`connection ${port} ${role.kind}`);
        socket.destroy();
      },
      onProblem: ({ port }, problem) => say(`problem ${port} ${problem}`),
      onSolved: ({ port }) => say(`solved ${port}`),
    });
    all.push(listeners);
    let known: ReadonlyMap<string, Wanted> = new Map();
    /** Wants these, and no others any more. */
    const want = (...wanted: readonly Wanted[]) => {
      const places = wanting(...wanted);
      const gone = [...known.keys()].filter((place) => !places.has(place));
      listeners.change(new Map([...gone.map((place) => [place, undefined] as const), ...places]));
      known = places;
    };
    return { clock, listeners, want, said, until: (text: string) => signal.until(() => said.includes(text)) };
  }
  const call = async (port: number) => {
    const socket = connect({ host: address, port });
    await once(socket, 'connect');
    socket.destroy();
  };

  it('listens at the wanted addresses, and passes each connection on with its role', async () => {
    const { listeners, want, until } = world();
    want(vip(9001), { address, port: 9002, role: { kind: 'port', uid: 'x' } });
    await listeners.settled();
    assert.equal(listeners.size, 2);
    await Promise.all([call(9001), call(9002), until('connection 9001 vip'), until('connection 9002 port')]);
  });

  it('keeps what stays, changes its meaning in place, and closes what is no longer wanted', async () => {
    let binds = 0;
    const { listeners, want, until } = world((server, host, port) => {
      binds++;
      bindSocket(1)(server, host, port);
    });
    want(vip(9001), vip(9002));
    await listeners.settled();
    want({ address, port: 9001, role: { kind: 'socks' } });
    assert.deepEqual([listeners.size, binds], [1, 2]);
    await Promise.all([call(9001), until('connection 9001 socks')]);
    await assert.rejects(call(9002), { code: 'ECONNREFUSED' });
  });

  it('a port below 1024 without root is reported with a remedy, and the others work', async () => {
    const { listeners, want, said } = world(failing(new Map([[80, 'EACCES']])));
    want(vip(80), vip(9001));
    await listeners.settled();
    assert.deepEqual(said, [
      'problem 80 PORT_NOT_CAPTURABLE: port 80 needs root, or sysctl net.ipv4.ip_unprivileged_port_start=80',
    ]);
    assert.equal(listeners.size, 1);
  });

  it('tries a taken port again each second, reports it once, and reports when it is captured', async () => {
    const taken = createServer().listen(9001, address);
    await once(taken, 'listening');
    const { clock, listeners, want, said, until } = world();
    want(vip(9001));
    await listeners.settled();
    await clock.advance(1000);
    await listeners.settled();
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /^problem 9001 PORT_NOT_CAPTURABLE: .*EADDRINUSE/);
    taken.close();
    await once(taken, 'close');
    await clock.advance(1000);
    await until('solved 9001');
    assert.equal(listeners.size, 1);
  });

  it('ends the problem of a port that is no longer wanted, and reports it again when it is wanted again', async () => {
    const { listeners, want, said } = world(failing(new Map([[80, 'EACCES']])));
    const words: string[] = [];
    for (const wanted of [[vip(80)], [], [], [vip(80)]]) {
      want(...wanted);
      await listeners.settled();
      words.push(said.map((one) => one.split(' ', 1)[0]).join(' '));
    }
    assert.deepEqual(words, ['problem', 'problem solved', 'problem solved', 'problem solved problem']);
  });

  it('never listens outside of loopback', () => {
    const { want, said } = world(() => assert.fail('bound'));
    want(vip(9001, '10.0.0.1'), vip(9001, '0.0.0.0'));
    const why = 'problem 9001 NOT_LOOPBACK: loopback capture serves 127.0.0.0/8 only';
    assert.deepEqual(said, [why, why]);
  });

  it('several workers share a port, one has it to itself', async () => {
    const [one, two, alone] = [world(bindSocket(2)), world(bindSocket(2)), world(bindSocket(1))];
    for (const { listeners, want } of [one, two, alone]) {
      want(vip(9003));
      await listeners.settled();
    }
    assert.deepEqual([one.listeners.size, two.listeners.size, alone.listeners.size], [1, 1, 0]);
  });
});
