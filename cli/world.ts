import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { terminalText, writeErr, writeOut } from '@isthmus/mesh/process/terminal-text.ts';

/** What the command line touches beside files and the hub: injected, so that tests run it in their own process. */
export interface World {
  readonly env: NodeJS.ProcessEnv;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** What was asked for. */
  readonly out: (text: string) => void;
  /** Everything else: errors, notes, questions. */
  readonly note: (text: string) => void;
  /** Standard input. */
  readonly input: () => AsyncIterable<Uint8Array>;
  /** What a person answers, '' at the end of input; undefined without a terminal. */
  readonly answer: ((question: string) => Promise<string>) | undefined;
}

export const processWorld: World = {
  env: process.env,
  now: () => systemClock.now(),
  out: writeOut,
  note: writeErr,
  input: () => process.stdin,
  answer: process.stdin.isTTY ? fromTerminal : undefined,
};

/** The same world, to which no text of another can send what a terminal obeys. */
export const forTerminals = ({ out, note, answer, ...rest }: World): World => ({
  ...rest,
  out: (text) => out(terminalText(text)),
  note: (text) => note(terminalText(text)),
  answer: answer && ((question) => answer(terminalText(question))),
});

async function fromTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-D and Ctrl-C close the terminal and answer nothing, which is no consent.
  const closed = once(terminal, 'close').then(() => '');
  const answered = terminal.question(question).catch(() => '');
  const answer = await Promise.race([answered, closed]);
  terminal.close();
  return answer;
}
