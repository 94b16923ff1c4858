import type { Socket } from 'node:net';
import type { Clock } from '../../process/clock.ts';
import { type DialErrorCode, MeshError } from '../../process/mesh-error.ts';
import type { AddressPort } from '../address.ts';
import { tuned } from './tuned.ts';

/** What a socket is being connected to, and for how long. */
export interface Dialled extends AddressPort {
  readonly timeoutMillis: number;
  readonly signal?: AbortSignal;
}

export const abortedBefore = ({ address, port }: AddressPort): MeshError =>
  new MeshError('DIAL_ABORTED', `the dial to ${address}:${port} was cancelled before it began`);

/** Resolves with the socket once it is connected, tuned. Throws DIAL_REFUSED, DIAL_TIMEOUT or DIAL_ABORTED naming the address. */
export const whenConnected = (
  socket: Socket,
  { address, port, timeoutMillis, signal }: Dialled,
  clock: Clock,
): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const fail = (code: DialErrorCode, why: string, cause?: unknown) => {
      settle();
      socket.on('error', () => undefined).destroy();
      reject(new MeshError(code, `${address}:${port} ${why}`, { cause }));
    };
    const timer = clock.after(timeoutMillis, () =>
      fail('DIAL_TIMEOUT', `did not answer within ${timeoutMillis} ms; a network policy may block it`),
    );
    const aborted = () =>
      fail('DIAL_ABORTED', 'did not answer before the dial was cancelled; its client may have closed');
    const failed = (error: Error) => fail('DIAL_REFUSED', `cannot be reached: ${error.message}`, error);
    const settle = () => {
      timer.cancel();
      signal?.removeEventListener('abort', aborted);
      socket.off('error', failed);
    };
    signal?.addEventListener('abort', aborted, { once: true });
    socket.once('error', failed).once('connect', () => {
      settle();
      resolve(tuned(socket));
    });
  });
