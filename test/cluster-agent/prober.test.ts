import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { PodObject, Probe } from '@isthmus/api/kubernetes/objects.ts';
import { askFrom, defaultProbe } from '@isthmus/cluster-agent/source/files/ask.ts';
import { Prober } from '@isthmus/cluster-agent/source/files/prober.ts';
import { BoundDialer } from '@isthmus/mesh/net/node/bound-dial.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { FakeClock } from '../fakes/clock.ts';
import { viewOf } from '../fakes/cluster.ts';
import { Signal } from '../fakes/xds-world.ts';

const probe = (over: Partial<Probe> = {}): Probe => ({
  kind: 'tcpSocket',
  port: 1,
  path: '/',
  periodMillis: 1000,
  timeoutMillis: 1000,
  failureThreshold: 3,
  successThreshold: 2,
  ...over,
});

describe('a prober', () => {
  const table: Record<string, { ready: boolean; answers: string; reported: string }> = {
    'tells of success when it has come twice': { ready: false, answers: '+++', reported: '+' },
    'counts successes in a row only': { ready: false, answers: '+-+-', reported: '' },
    'tells of failure when it has come three times': { ready: true, answers: '----', reported: '-' },
    'counts failures in a row only': { ready: true, answers: '--+--+', reported: '' },
    'says nothing of what is known': { ready: true, answers: '+++', reported: '' },
    'tells of every turn': { ready: false, answers: '++---++', reported: '+-+' },
  };
  for (const [name, { ready, answers, reported }] of Object.entries(table))
    it(name, async () => {
      const clock = new FakeClock();
      let asked = 0;
      let heard = '';
      const prober = new Prober({
        probe: probe(),
        ready,
        clock,
        startMillis: 200,
        onAnswer: () => undefined,
        ask: () => Promise.resolve(answers[asked++] === '+'),
        onReady: (well) => (heard += well ? '+' : '-'),
      });
      await clock.waitForTimer();
      while (asked < answers.length) await clock.advance(1000);
      prober.stop();
      assert.equal(heard.slice(0, reported.length), reported);
      assert.equal(clock.pending, 0, 'it asks no more');
    });

  it('asks often until the pod is ready, then at its period', async () => {
    const clock = new FakeClock();
    let asked = 0;
    let well = false;
    const prober = new Prober({
      probe: probe({ successThreshold: 1 }),
      ready: false,
      clock,
      startMillis: 200,
      ask: () => Promise.resolve((asked++, well)),
      onReady: () => undefined,
      onAnswer: () => undefined,
    });
    await clock.waitForTimer();
    await clock.advance(1000);
    assert.equal(asked, 6);
    well = true;
    await clock.advance(200);
    asked = 0;
    await clock.advance(2000);
    assert.equal(asked, 2);
    prober.stop();
  });
});

describe('asking an application', () => {
  const dialer = new BoundDialer(new FakeClock(), systemRandom);
  // Where no other test listens: a port that was freed must not be somebody else's.
  const address = '127.149.2.3';
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  const pod = (port: number): PodObject => {
    const [found] = viewOf(`
apiVersion: v1
kind: Pod
metadata: { name: p, annotations: { isthmus.io/app-address: ${address} } }
spec: { containers: [{ ports: [{ name: web, containerPort: ${port} }] }] }`).pods();
    assert.ok(found);
    return found;
  };
  const listening = async (server: Server): Promise<number> => {
    server.on('connection', (socket: Socket) => sockets.push(socket.on('error', () => undefined)));
    servers.push(server);
    server.listen(0, address);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const http = (answer: (response: ServerResponse) => void) =>
    listening(createHttpServer((_request, response) => answer(response)));
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  const answers: Record<string, [(response: ServerResponse) => void, boolean]> = {
    'a 200': [(response) => response.end('fine'), true],
    'a 302': [(response) => response.writeHead(302).end(), true],
    'a 404': [(response) => response.writeHead(404).end(), false],
    'a 503': [(response) => response.writeHead(503).end(), false],
    'a 200 whose body never ends': [(response) => response.write('x'), true],
    'a connection that is reset': [(response) => response.destroy(), false],
  };
  for (const [name, [answer, well]] of Object.entries(answers))
    it(`by HTTP: ${name} is a ${well ? 'yes' : 'no'}`, async () => {
      const port = await http(answer);
      const ask = askFrom('127.0.0.1', dialer, new FakeClock());
      assert.equal(await ask(pod(port), probe({ kind: 'httpGet', port })), well);
    });

  it('by HTTP: no answer until the deadline is a no, however its bytes trickle', async () => {
    const clock = new FakeClock();
    let trickle: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => {
      trickle = resolve;
    });
    const port = await listening(
      createServer((socket) => socket.once('data', () => socket.write('HTTP/1.1 20', () => trickle()))),
    );
    const answer = askFrom('127.0.0.1', dialer, clock)(pod(port), probe({ kind: 'httpGet', port }));
    await arrived;
    await clock.advance(1000);
    assert.equal(await answer, false);
  });

  it('by TCP: an application that listens is well, one that does not is not', async () => {
    const port = await listening(createServer());
    const ask = askFrom('127.0.0.1', dialer, new FakeClock());
    assert.equal(await ask(pod(port), probe({ port })), true);
    assert.equal(await ask(pod(port), probe({ port: 0 })), false, 'the container has no such port');
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    assert.equal(await ask(pod(port), probe({ port })), false);
  });

  const applications: Record<string, (socket: Socket) => void> = {
    'that waits for its clients': () => undefined,
    'that speaks first': (socket) => socket.write('220 ready\r\n'),
    'that writes more than fits': (socket) => socket.write(Buffer.alloc(8 * 1024 * 1024)),
    'that says goodbye': (socket) => socket.on('end', () => socket.end('bye')),
  };
  for (const [name, behave] of Object.entries(applications))
    it(`without a declared probe, an application ${name} sees a connection and a FIN once a second, and no reset`, async () => {
      const clock = new FakeClock();
      const seen = new Signal();
      const events: string[] = [];
      const note = (event: string) => {
        events.push(event);
        seen.ring();
      };
      const server = createServer((socket) => {
        note('connect');
        socket.on('end', () => note('end'));
        socket.on('error', (error: NodeJS.ErrnoException) => note(`error ${error.code}`));
        socket.on('close', (failed) => note(failed ? 'broken' : 'close'));
        behave(socket);
        socket.resume();
      });
      const port = await listening(server);
      const asked = pod(port);
      const declared = defaultProbe(asked);
      assert.ok(declared);
      const ask = askFrom('127.0.0.1', dialer, clock);
      const answered = new Signal();
      let answers = 0;
      const prober = new Prober({
        probe: declared,
        ready: false,
        ask: () => ask(asked, declared),
        clock,
        startMillis: 200,
        onReady: (ready) => assert.ok(ready),
        onAnswer: () => {
          answers++;
          answered.ring();
        },
      });
      for (let round = 1; round <= 3; round++) {
        await answered.until(() => answers === round);
        await seen.until(() => events.length >= 3 * round);
        assert.deepEqual(events, Array(round).fill(['connect', 'end', 'close']).flat());
        await clock.advance(999);
        assert.equal(answers, round, 'none sooner than after a second');
        await clock.advance(1);
      }
      prober.stop();
    });

  it('without a probe is by TCP at the first port, or not at all', () => {
    assert.equal(defaultProbe(pod(8080))?.port, 8080);
    assert.equal(defaultProbe({ ...pod(8080), ports: [] }), undefined);
  });
});
