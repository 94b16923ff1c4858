import type { Job, Outcome } from './job.ts';
import { RawSession } from './raw-session.ts';

type Setting = readonly [id: number, value: number];

/**
 * Opens all of a job's connections, then makes `attack` on each at once. A session that the target has not ended when
 * the job's time is over is left.
 */
export async function eachSession(
  job: Job,
  attack: (session: RawSession, over: () => boolean) => Promise<unknown>,
  ...own: readonly Setting[]
): Promise<Outcome> {
  const opened = await Promise.all(
    Array.from({ length: job.connections }, () => RawSession.open(job, ...own)),
  );
  const sessions = opened.filter((one) => one !== undefined);
  const begun = performance.now();
  const end = begun + job.seconds * 1000;
  const over = () => performance.now() >= end;
  await Promise.all(
    sessions.map(async (session) => {
      session.begin();
      await attack(session, over);
      const left = new Promise((resolve) => setTimeout(resolve, Math.max(0, end - performance.now())));
      await Promise.race([session.closed, left]);
    }),
  );
  const outcome = {
    sessions: sessions.map((session) => session.outcome()),
    unopened: job.connections - sessions.length,
    millis: performance.now() - begun,
  };
  for (const session of sessions) session.leave();
  return outcome;
}
