import { eachSession } from '../each-session.ts';
import { frame, frameTypes, headers } from '../frames.ts';
import { connectBlock } from '../hpack.ts';
import type { Job, Outcome } from '../job.ts';

/** A header block at one byte a second: in one frame, or each byte in a CONTINUATION of its own. */
export function headerDrip(job: Job): Promise<Outcome> {
  const block = connectBlock(job.authority);
  const whole = headers(1, block);
  const parts =
    job.variant === 'in frames'
      ? [headers(1, block.subarray(0, 1), 0), ...[...block.subarray(1)].map((byte) => continuation(byte))]
      : [whole.subarray(0, 9), ...[...whole.subarray(9)].map((byte) => Buffer.of(byte))];
  return eachSession(job, async (session, over) => {
    for (const part of parts) {
      if (over() || !(await session.send(part))) return;
      session.sent++;
      await Promise.race([session.closed, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
  });
}

const continuation = (byte: number): Buffer => frame(frameTypes.continuation, 0, 1, Buffer.of(byte));
