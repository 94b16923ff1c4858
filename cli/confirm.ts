import { createInterface } from 'node:readline/promises';
import { CliError, exit } from './exit.ts';

/** Asks once before traffic moves. Without a terminal nobody can answer, so --yes is demanded. */
export async function confirm(what: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY)
    throw new CliError(exit.usage, `${what} moves traffic: add --yes, or --dry-run to look first`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${what}? [y/N] `);
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError(exit.failed, 'nothing was changed');
}
