import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { confine } from './half-core.ts';
import type { Job, Outcome } from './job.ts';

let said = false;

/** Makes an attack from a process of its own, with half a core. Rejects when that process fails. */
export async function drive(job: Job): Promise<Outcome> {
  const child = fork(join(import.meta.dirname, 'attacker.ts'), { execArgv: ['--no-warnings'] });
  const exited = once(child, 'exit');
  await once(child, 'spawn');
  const { how, release } = confine(child.pid!);
  if (!said) console.log(`      the attacker has ${how}`);
  said = true;
  child.send(job);
  try {
    const failed = exited.then(() => Promise.reject(new Error(`the driver of ${job.attack} ended early`)));
    const [outcome] = (await Promise.race([once(child, 'message'), failed])) as [Outcome];
    return outcome;
  } finally {
    child.kill('SIGKILL');
    await exited;
    release();
  }
}
