import { connect } from 'node:net';
import type { Job, Outcome } from '../job.ts';

const atOnce = 100;
/** What is held must be ended by the listener within this time, milliseconds. */
const patience = 60_000;

/** Opens `connections` connections to the job's ports in turn, from 8,000 addresses, and says nothing on them. */
export async function silence(job: Job): Promise<Outcome> {
  const { host, ports = [job.port], from, connections } = job;
  const started = performance.now();
  let [begun, unconnected, held, longest] = [0, 0, 0, 0];
  const one = (i: number): Promise<void> => {
    const localAddress = `${from}.${200 + (Math.floor(i / 250) % 32)}.${1 + (i % 250)}`;
    const socket = connect({ host, port: ports[i % ports.length]!, localAddress });
    return new Promise((resolve) => {
      socket.on('connect', () => {
        const connected = performance.now();
        begun++;
        held++;
        socket.on('close', () => {
          held--;
          longest = Math.max(longest, performance.now() - connected);
        });
        resolve();
      });
      socket.resume().on('error', () => {
        if (socket.connecting || socket.remoteAddress === undefined) unconnected++;
        resolve();
      });
    });
  };
  for (let i = 0; i < connections; i += atOnce)
    await Promise.all(Array.from({ length: atOnce }, (_, k) => one(i + k)));
  const last = performance.now();
  while (held > 0 && performance.now() - last < patience)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const waited = performance.now() - last;
  const flooded = { begun, held, longest, unconnected, slowest: 0 };
  return { sessions: [], unopened: 0, millis: performance.now() - started, flooded, waited };
}
