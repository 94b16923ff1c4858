import { CliError, exit } from './exit.ts';
import type { World } from './world.ts';

/**
 * Shows the consequences and asks once before traffic moves. Without a terminal, --yes is required before any request
 * is sent to the hub.
 */
export async function confirm(
  { answer, note }: World,
  what: string,
  consequences: () => Promise<readonly string[]>,
): Promise<void> {
  if (!answer)
    throw new CliError(
      exit.usage,
      `refusing to ${what} without confirmation (no terminal): use --yes, or --dry-run to preview`,
    );
  for (const one of await consequences()) note(`  ${one}\n`);
  if (!/^y(es)?$/i.test((await answer(`${what}? [y/N] `)).trim()))
    throw new CliError(exit.failed, 'nothing was changed');
}
