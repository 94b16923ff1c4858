import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { cpuSeconds } from '../cpu.ts';

/** From where to where a load goes. */
export interface Path {
  readonly name: string;
  /** The caller's address: in loopback capture it says who calls. */
  readonly from: string;
  readonly host: string;
  readonly port: number;
  /** For a proxy that is asked by CONNECT. */
  readonly authority?: string;
  /** Process ids of the proxies on this path, whose CPU time is read. */
  readonly client: number | undefined;
  readonly gateway: number | undefined;
  readonly server: number | undefined;
}

/** CPU seconds that the proxies of a path spent during a load. */
export type Spent = Readonly<Record<'client' | 'gateway' | 'server', number | undefined>>;

export interface Load {
  /** The two numbers that the load's last line has. */
  readonly result: readonly [number, number];
  readonly spent: Spent;
}

/** A load server on an address, until it is stopped. */
export function serve(program: string, host: string, port: number): Promise<{ readonly stop: () => void }> {
  const child = spawn(program, ['serve', host, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`the load server ended with ${code ?? 'a signal'}`)));
    child.stdout.once('data', () => resolve({ stop: () => child.stdin.end() }));
  });
}

/** Runs one client to its end; the proxies' CPU time counts from its `begin` to its `end`. */
export async function run(
  program: string,
  kind: 'stream' | 'ping' | 'calls',
  path: Path,
  count: number,
  amount: number,
): Promise<Load> {
  const words = [kind, path.host, path.port, path.from, count, amount].map(String);
  if (path.authority !== undefined) words.push(path.authority);
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (bytes) => (complaint += String(bytes)));
  let before = spentBy(path);
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'begin') before = spentBy(path);
    const end = /^end (\S+) (\S+)$/.exec(line);
    if (end) return { result: [Number(end[1]), Number(end[2])], spent: difference(before, spentBy(path)) };
  }
  throw new Error(`${path.name}, ${kind}: ${complaint.trim()}`);
}

const spentBy = ({ client, gateway, server }: Path): Spent => ({
  client: client === undefined ? undefined : cpuSeconds(client),
  gateway: gateway === undefined ? undefined : cpuSeconds(gateway),
  server: server === undefined ? undefined : cpuSeconds(server),
});

function difference(before: Spent, after: Spent): Spent {
  const of = (who: keyof Spent) => (after[who] === undefined ? undefined : after[who] - (before[who] ?? 0));
  return { client: of('client'), gateway: of('gateway'), server: of('server') };
}
