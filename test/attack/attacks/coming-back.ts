import { flags, headers, reset } from '../frames.ts';
import { connectBlock } from '../hpack.ts';
import type { Job, Outcome } from '../job.ts';
import { RawSession, shakeHands } from '../raw-session.ts';

const atOnce = 100;
const pipelined = 50;

/** What a peer does with a session, which it then leaves to open another. */
type Use = (session: RawSession, job: Job, over: () => boolean) => Promise<void>;

const uses: Readonly<Record<string, Use>> = {
  /** CONNECTs that are reset as soon as they were sent. */
  async resets(session, { authority }, over) {
    const block = connectBlock(authority);
    for (let stream = 1; !over() && !session.isClosed;) {
      const batch: Buffer[] = [];
      for (let i = 0; i < atOnce; i++, stream += 2) batch.push(headers(stream, block), reset(stream));
      if (await session.send(Buffer.concat(batch))) session.sent += atOnce;
    }
  },
  /** CONNECTs that have ended when they come, 50 at once; what is refused ends by that. */
  async connects(session, { authority }, over) {
    const block = connectBlock(authority);
    let [stream, waiting] = [1, 0];
    let heard: () => void = () => undefined;
    session.onAnswer = () => --waiting === 0 && heard();
    while (!over() && !session.isClosed) {
      const batch: Buffer[] = [];
      for (; waiting < pipelined; waiting++, stream += 2)
        batch.push(headers(stream, block, flags.endHeaders | flags.endStream));
      const answered = new Promise<void>((resolve) => (heard = resolve));
      if (!(await session.send(Buffer.concat(batch)))) return;
      session.sent += pipelined;
      await Promise.race([answered, session.closed]);
    }
  },
  /** Nothing. */
  sessions: () => Promise.resolve(),
};

/** One visit; false when no session came about. */
type Visit = (sessions: RawSession[]) => Promise<boolean>;

function visitOf(job: Job, over: () => boolean): Visit {
  const { variant = '' } = job;
  if (variant === 'handshakes')
    return async () => {
      const socket = await shakeHands(job);
      socket?.destroy();
      return socket !== undefined;
    };
  const use = uses[variant];
  if (!use) throw new Error(`there is no visit ${variant}`);
  return async (sessions) => {
    const session = await RawSession.open(job);
    if (!session) return false;
    sessions.push(session);
    session.begin();
    await use(session, job, over);
    session.leave();
    return true;
  };
}

/** Each of a job's connections comes back as soon as it is over, until the time is. */
export async function comingBack(job: Job): Promise<Outcome> {
  const begun = performance.now();
  const end = begun + job.seconds * 1000;
  const over = () => performance.now() >= end;
  const visit = visitOf(job, over);
  const sessions: RawSession[] = [];
  let unopened = 0;
  const line = async () => {
    while (!over()) {
      if (!(await visit(sessions))) unopened++;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const left = new Promise((resolve) => setTimeout(resolve, job.seconds * 1000));
  await Promise.race([Promise.all(Array.from({ length: job.connections }, line)), left]);
  const outcomes = sessions.map((session) => session.outcome());
  return { sessions: outcomes, unopened, millis: performance.now() - begun };
}

/** No attack: half a core that is kept busy, beside which others have as much less. */
export async function busy(job: Job): Promise<Outcome> {
  const begun = performance.now();
  while (performance.now() - begun < job.seconds * 1000) {
    const turn = performance.now();
    while (performance.now() - turn < 5);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { sessions: [], unopened: 0, millis: performance.now() - begun };
}
