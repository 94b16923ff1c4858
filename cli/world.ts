import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { systemClock } from '@isthmus/mesh/process/clock.ts';

/** What the command line touches beside files and the hub: injected, so that tests run it in their own process. */
export interface World {
  readonly env: NodeJS.ProcessEnv;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** What was asked for. */
  readonly out: (text: string) => void;
  /** Everything else: errors, notes, questions. */
  readonly note: (text: string) => void;
  /** All of standard input. */
  readonly input: () => Promise<string>;
  /** What a person answers, '' at the end of input; undefined when nobody is there to be asked. */
  readonly answer: ((question: string) => Promise<string>) | undefined;
}

export const processWorld: World = {
  env: process.env,
  now: () => systemClock.now(),
  out: (said) => void process.stdout.write(said),
  note: (said) => void process.stderr.write(said),
  input: () => text(process.stdin),
  answer: process.stdin.isTTY ? fromTerminal : undefined,
};

async function fromTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-D and Ctrl-C close the terminal and answer nothing, which is no consent.
  const closed = once(terminal, 'close').then(() => '');
  const answered = terminal.question(question).catch(() => '');
  const answer = await Promise.race([answered, closed]);
  terminal.close();
  return answer;
}
