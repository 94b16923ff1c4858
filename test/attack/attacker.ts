import { attacks } from './attacks.ts';
import type { Job } from './job.ts';

// The attacker's process: one job over IPC, one outcome back.
process.once('message', (job: Job) => {
  const attack = attacks[job.attack];
  if (!attack) throw new Error(`there is no attack ${job.attack}`);
  void attack(job).then((outcome) => {
    process.send?.(outcome, () => process.exit(0));
  });
});
// The end of the test process ends the attack.
process.once('disconnect', () => process.exit(1));
