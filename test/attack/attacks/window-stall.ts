import { eachSession } from '../each-session.ts';
import { headers } from '../frames.ts';
import { connectBlock } from '../hpack.ts';
import type { Job, Outcome } from '../job.ts';

/** SETTINGS_INITIAL_WINDOW_SIZE: nothing may be sent on any stream. */
const noWindow = [4, 0] as const;
const atOnce = 50;

/** `count` tunnels on each connection, none of which ever gives the target a window for what the application sends. */
export function windowStall(job: Job): Promise<Outcome> {
  const block = connectBlock(job.authority);
  return eachSession(
    job,
    async (session, over) => {
      while (!over() && session.sent < job.count!) {
        const batch = Array.from({ length: Math.min(atOnce, job.count! - session.sent) }, (_, i) =>
          headers(2 * (session.sent + i) + 1, block),
        );
        if (!(await session.send(Buffer.concat(batch)))) return;
        session.sent += batch.length;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    noWindow,
  );
}
