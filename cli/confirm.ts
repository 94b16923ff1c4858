import { CliError, exit } from './exit.ts';
import type { World } from './world.ts';

/**
 * Asks once before traffic moves, having said what would follow. Where nobody can answer, --yes is demanded before
 * the hub is asked anything.
 */
export async function confirm(
  { answer, note }: World,
  what: string,
  consequences: () => Promise<readonly string[]>,
): Promise<void> {
  if (!answer)
    throw new CliError(exit.usage, `to ${what} moves traffic: add --yes, or --dry-run to look first`);
  for (const one of await consequences()) note(`  ${one}\n`);
  if (!/^y(es)?$/i.test((await answer(`${what}? [y/N] `)).trim()))
    throw new CliError(exit.failed, 'nothing was changed');
}
