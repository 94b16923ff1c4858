import { connect } from 'node:net';

/** Where a bench dials from and to. */
export interface Path {
  readonly name: string;
  readonly localAddress: string;
  readonly host: string;
  readonly port: number;
}

const request = Buffer.from('GET / HTTP/1.1\r\nhost: shop\r\n\r\n');

/** The `q` quantile of some numbers, in their own unit. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

/** Microseconds of each of `count` requests, one after another on one kept connection, after a warm-up. */
export function echoes(path: Path, count: number): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const times: number[] = [];
    const socket = connect({ ...path, noDelay: true });
    let sent = 0;
    let left = count + 200;
    const send = () => {
      sent = performance.now();
      socket.write(request);
    };
    socket
      .on('error', (error) => reject(new Error(`${path.name} echo: ${error.message}`)))
      .on('connect', send);
    socket.on('data', () => {
      times.push((performance.now() - sent) * 1000);
      if (--left > 0) return send();
      socket.destroy();
      resolve(times.slice(200));
    });
  });
}

/** New connections a second, `parallel` at a time for `millis`: each is opened, asked once, and closed by the server. */
export async function connectionsPerSecond(path: Path, parallel: number, millis: number): Promise<number> {
  const end = performance.now() + millis;
  let done = 0;
  const worker = async () => {
    while (performance.now() < end) {
      await once(path);
      done++;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: parallel }, worker));
  return (done * 1000) / (performance.now() - started);
}

const closing = Buffer.from('GET / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n');

function once(path: Path): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...path, noDelay: true }, () => socket.write(closing));
    socket
      .on('error', (error) => reject(new Error(`${path.name}: ${error.message}`)))
      .on('data', () => undefined);
    socket.on('end', () => socket.destroy());
    socket.on('close', () => resolve());
  });
}
