import { run, type Path, type Spent } from './native/load.ts';

/** One path's figures. Bytes are per second, one direction, as the caller received them. */
export interface Measured {
  readonly name: string;
  readonly one: Throughput;
  readonly eight: Throughput;
  /** Microseconds of a 1 KiB echo on a kept connection. */
  readonly p50: number;
  readonly p99: number;
  readonly callsPerSecond: number;
}

export interface Throughput {
  readonly bytesPerSecond: number;
  /** CPU seconds per 10^9 bytes. */
  readonly perGigabyte: Spent;
}

/** All figures of a path, one after another; `seconds` for each load that runs by time. */
export async function measure(program: string, path: Path, seconds: number): Promise<Measured> {
  const one = await throughput(program, path, 1, seconds);
  const eight = await throughput(program, path, 8, seconds);
  const echo = await run(program, 'ping', path, 1024, Math.ceil(2000 * seconds));
  const calls = await run(program, 'calls', path, 16, seconds);
  const [p50, p99] = echo.result;
  return { name: path.name, one, eight, p50, p99, callsPerSecond: calls.result[0] / calls.result[1] };
}

async function throughput(
  program: string,
  path: Path,
  streams: number,
  seconds: number,
): Promise<Throughput> {
  const { result, spent } = await run(program, 'stream', path, streams, seconds);
  const [bytes, took] = result;
  const per = (value: number | undefined) => (value === undefined ? undefined : value / (bytes / 1e9));
  return {
    bytesPerSecond: bytes / took,
    perGigabyte: { client: per(spent.client), gateway: per(spent.gateway), server: per(spent.server) },
  };
}
