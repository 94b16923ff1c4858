import { request } from 'node:http';
import type { Socket } from 'node:net';
import type { PodObject, Probe } from '@isthmus/api/kubernetes/objects.ts';
import type { BoundDialer } from '@isthmus/mesh/net/node/bound-dial.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';

/** Whether the application of a pod is well, asked once. Never rejects; no answer in time is a no. */
export type Ask = (pod: PodObject, probe: Probe) => Promise<boolean>;

/** A pod that declares no probe is asked for a TCP connection once a second, and one failure is enough. */
export const defaultProbe = ({ ports: [first] }: PodObject): Probe | undefined =>
  first && {
    kind: 'tcpSocket',
    port: first.port,
    path: '/',
    periodMillis: 1000,
    timeoutMillis: 1000,
    failureThreshold: 1,
    successThreshold: 1,
  };

/** Asks where the pod's application listens, from the agent's own address. */
export const askFrom =
  (localAddress: string, dialer: Pick<BoundDialer, 'dial'>, clock: Clock): Ask =>
  async (pod, probe) => {
    const { port, timeoutMillis } = probe;
    const { appAddress: address } = pod;
    if (port === 0 || address === '') return false;
    try {
      const socket = await dialer.dial({ address, port, localAddress, timeoutMillis });
      if (probe.kind === 'httpGet') return await answers(socket, `${address}:${port}`, probe, clock);
      leave(socket, timeoutMillis, clock);
      return true;
    } catch {
      return false;
    }
  };

/**
 * Ends with a FIN, as a peer that is done: an application that logs its connections has nothing to complain of. What it
 * says meanwhile is read, as closing over it would send a reset after all.
 */
function leave(socket: Socket, timeoutMillis: number, clock: Clock): void {
  const deadline = clock.after(timeoutMillis, () => socket.destroy());
  socket
    .on('error', () => undefined)
    .once('close', () => deadline.cancel())
    .resume()
    .end();
  socket.once('end', () => socket.destroy());
}

/** The status line is the answer: of the body, which may trickle for ever, nothing is waited for. */
function answers(
  socket: Socket,
  host: string,
  { path, timeoutMillis }: Probe,
  clock: Clock,
): Promise<boolean> {
  return new Promise((resolve) => {
    const headers = { host, 'user-agent': 'isthmus-probe', accept: '*/*', connection: 'close' };
    const asked = request({ path, headers, createConnection: () => socket });
    const deadline = clock.after(timeoutMillis, () => {
      socket.destroy();
      resolve(false);
    });
    asked
      .once('response', (response) => {
        deadline.cancel();
        const { statusCode = 0 } = response;
        resolve(statusCode >= 200 && statusCode < 400);
        response.on('error', () => undefined);
        leave(socket, timeoutMillis, clock);
        response.resume();
      })
      .once('error', () => {
        deadline.cancel();
        resolve(false);
      })
      .end();
  });
}
