import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Runs an attack as a process that everything else goes before (nice 19); gives what it prints at its end. */
export async function attack<T>(script: string, args: readonly (string | number)[]): Promise<T> {
  const path = join(import.meta.dirname, script);
  const child = spawn('nice', ['-n', '19', process.execPath, '--no-warnings', path, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = () => child.kill('SIGKILL');
  process.once('exit', end);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += String(chunk)));
  const [status] = (await once(child, 'close')) as [number | null];
  process.off('exit', end);
  if (status !== 0) throw new Error(`${script} ended with ${status}`);
  return JSON.parse(said) as T;
}
