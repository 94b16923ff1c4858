import { equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandsOf, type DocumentCommand } from '../document.ts';
import { root, type World } from '../world.ts';

/** Every command of docs/install.md takes less than this, milliseconds; `--wait` and the joins are the longest. */
const bound = 60_000;

/** The commands of a part of docs/install.md, which begins with a heading. */
export function installStep(world: () => World, heading: string): void {
  for (const command of commandsOf(partOf(heading)))
    it(firstLine(command), async () => {
      const { shell, measured, [command.cluster as 'east' | 'west']: cluster } = world();
      shell.export('KUBECONFIG', cluster.kubeconfig);
      const { status, output, millis } = await shell.run(command.text);
      console.log(output.replaceAll(/^/gm, '        '));
      equal(status, 0, output);
      measured.within(heading, firstLine(command), millis, bound);
    });
}

const firstLine = ({ text }: DocumentCommand): string => text.split('\n')[0] ?? '';

function partOf(heading: string): string {
  const document = readFileSync(join(root, 'docs/install.md'), 'utf8');
  const part = document.split(/^(?=## )/m).find((one) => one.startsWith(`## ${heading}\n`));
  if (part === undefined) throw new Error(`docs/install.md has no part '${heading}'`);
  return part;
}
