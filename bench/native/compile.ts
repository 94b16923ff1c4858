import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Compiles the load program into `folder` and gives its path. Throws when there is no C compiler. */
export function compileLoad(folder: string): string {
  const program = join(folder, 'load');
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, join(import.meta.dirname, 'load.c')];
  const { error, status, stderr } = spawnSync('cc', flags, { encoding: 'utf8' });
  if (error)
    throw new Error(
      'the bench needs a C compiler for its load (a load in Node would itself be what is measured); install cc',
    );
  if (status !== 0) throw new Error(`load.c does not compile:\n${stderr}`);
  return program;
}
