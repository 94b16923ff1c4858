import { get } from 'node:http';
import { connect } from 'node:net';
import type { PodObject, Probe } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';

/** Whether the application of a pod is well, asked once. Never rejects; no answer in time is a no. */
export type Ask = (pod: PodObject, probe: Probe) => Promise<boolean>;

/** Without a probe of its own a pod is asked for a TCP connection every 500 ms, and one failure is enough. */
export const defaultProbe = ({ ports }: PodObject): Probe | undefined =>
  ports[0] && {
    ...{ kind: 'tcpSocket', port: ports[0].port, path: '', periodMillis: 500, timeoutMillis: 1000 },
    ...{ failureThreshold: 1, successThreshold: 1 },
  };

/** Asks where the pod's application listens, from the agent's own address. */
export const askFrom =
  (localAddress: string, clock: Clock): Ask =>
  (pod, probe) => {
    const target = {
      ...{
        host: pod.metadata.annotations['isthmus.io/app-address'] ?? '',
        port: portOf(pod, probe),
        localAddress,
      },
      ...{ path: probe.path, timeoutMillis: probe.timeoutMillis },
    };
    return probe.kind === 'tcpSocket' ? connects(target, clock) : answers(target, clock);
  };

/** 0, where nobody answers, when the pod has no port of that name. */
const portOf = ({ ports }: PodObject, { port }: Probe): number =>
  typeof port === 'number' ? port : (ports.find(({ name }) => name === port)?.port ?? 0);

interface Target {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  readonly path: string;
  readonly timeoutMillis: number;
}

function connects({ host, port, localAddress, timeoutMillis }: Target, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, localAddress });
    const deadline = clock.after(timeoutMillis, () => finish(false));
    const finish = (well: boolean) => {
      deadline.cancel();
      // A reset rather than a FIN: no TIME_WAIT is left behind, twice a second for every pod.
      socket.resetAndDestroy();
      resolve(well);
    };
    socket.once('connect', () => finish(true)).on('error', () => finish(false));
  });
}

/** The status line is the answer: of the body, which may trickle for ever, nothing is read. */
function answers({ host, port, path, localAddress, timeoutMillis }: Target, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host, port, path, localAddress, agent: false });
    const deadline = clock.after(timeoutMillis, () => finish(false));
    const finish = (well: boolean) => {
      deadline.cancel();
      request.destroy();
      resolve(well);
    };
    request.on('response', ({ statusCode = 0 }) => finish(statusCode >= 200 && statusCode < 400));
    request.on('error', () => finish(false));
  });
}
