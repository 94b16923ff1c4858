import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { createServer } from 'node:net';
import { ask, foreignSession } from '../../fakes/foreign-client.ts';
import type { Honest, HonestAim, HonestJob, Measure } from '../honest-job.ts';

// The honest client's process: where to call over IPC first, then one measurement after another.
const request = Buffer.alloc(1024, 'v');
/** Requests, or CONNECTs, that are under way at once. */
const inFlight = 8;
const everyMillis = 10;

/** Milliseconds that answers took, from when the request was made or due. */
type Taken = number[];

async function answered(stream: ClientHttp2Stream): Promise<boolean> {
  const closed = once(stream, 'close').then(() => [{}]);
  const [answer] = (await Promise.race([once(stream, 'response'), closed])) as [Record<string, unknown>];
  return answer[':status'] === 200;
}

/** Calls back with each whole answer of an echo. */
function onEcho(stream: ClientHttp2Stream, heard: () => void): void {
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    for (bytes += chunk.length; bytes >= request.length; bytes -= request.length) heard();
  });
}

async function requests(session: ClientHttp2Session, aim: HonestAim, end: number): Promise<Taken> {
  const stream = ask(session, aim.authority);
  if (!(await answered(stream))) throw new Error('the tunnel was refused');
  const taken: Taken = [];
  const made: number[] = [];
  const send = () => {
    made.push(performance.now());
    stream.write(request);
  };
  await new Promise<void>((resolve) => {
    stream.once('close', resolve);
    onEcho(stream, () => {
      const now = performance.now();
      taken.push(now - made.shift()!);
      if (now < end) send();
      else if (made.length === 0) stream.end();
    });
    for (let i = 0; i < inFlight; i++) send();
  });
  return taken;
}

async function connects(session: ClientHttp2Session, aim: HonestAim, end: number): Promise<Taken> {
  const taken: Taken = [];
  const line = async () => {
    while (performance.now() < end) {
      const made = performance.now();
      const stream = ask(session, aim.authority);
      if (!(await answered(stream))) throw new Error('a tunnel was refused');
      taken.push(performance.now() - made);
      const closed = once(stream, 'close');
      stream.resume().end();
      await closed;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, line));
  return taken;
}

/** Sends what has fallen due, so that a late timer hides nothing. */
async function paced(session: ClientHttp2Session, aim: HonestAim, end: number): Promise<Taken> {
  const stream = ask(session, aim.authority);
  if (!(await answered(stream))) throw new Error('the tunnel was refused');
  const taken: Taken = [];
  const due: number[] = [];
  let next = performance.now();
  onEcho(stream, () => taken.push(performance.now() - due.shift()!));
  const timer = setInterval(() => {
    for (; next <= performance.now() && next < end; next += everyMillis) {
      due.push(next);
      stream.write(request);
    }
    if (due.length === 0 && next >= end) stream.end();
  }, everyMillis / 2);
  await once(stream, 'close');
  clearInterval(timer);
  return taken;
}

const measures: Readonly<Record<Measure, typeof requests>> = { requests, connects, paced };

async function measure(session: ClientHttp2Session, aim: HonestAim, job: HonestJob): Promise<Honest> {
  const begun = performance.now();
  const taken = await measures[job.measure](session, aim, begun + job.seconds * 1000);
  const rate = (taken.length / (performance.now() - begun)) * 1000;
  const sorted = taken.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { rate, p50: at(0.5), p99: at(0.99) };
}

process.once('message', (aim: HonestAim) => {
  void serve(aim);
});
// The end of the test process ends the client.
process.once('disconnect', () => process.exit(1));

async function serve(aim: HonestAim): Promise<void> {
  const application = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  application.listen(aim.application.port, aim.application.host);
  await once(application, 'listening');
  const session = await foreignSession({ identity: '', ...aim }, aim.address);
  process.on('message', (job: HonestJob) => {
    void measure(session, aim, job).then((honest) => process.send?.(honest));
  });
  process.send?.('ready');
}
