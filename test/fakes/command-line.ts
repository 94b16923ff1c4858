import { Readable } from 'node:stream';
import { runCommandLine } from '../../cli/program.ts';

/** What a command line left behind. */
export interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface Around {
  readonly env?: Record<string, string>;
  /** Standard input. */
  readonly input?: string | Iterable<Uint8Array>;
  /** What a person at the terminal answers; nobody is there without it. */
  readonly answer?: string;
  /** Epoch milliseconds. */
  readonly now?: number;
}

/** Runs a command line in this process, with a world of its own. */
export async function run(args: readonly string[], around: Around = {}): Promise<Ended> {
  let [out, err] = ['', ''];
  const { env = {}, input = '', answer, now = Date.UTC(2026, 0, 1) } = around;
  const status = await runCommandLine(args, {
    env,
    now: () => now,
    out: (text) => void (out += text),
    note: (text) => void (err += text),
    input: () => Readable.from(typeof input === 'string' ? [Buffer.from(input)] : input),
    answer:
      answer === undefined
        ? undefined
        : (question) => {
            err += question;
            return Promise.resolve(answer);
          },
  });
  return { status, out, err };
}
