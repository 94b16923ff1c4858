import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CliError, exit } from '../exit.ts';

/** The commands that start the sandbox; it is a program of its own, and this one waits for it. */
export function sandboxCommands(program: Command): void {
  program
    .command('up')
    .description('run a sandbox, a hub with three clusters and a sample shop, on this machine until Ctrl-C')
    .option(
      '--fresh',
      'start over: what an earlier run of this instance left is removed, edited manifests too',
    )
    .option('--tap', 'debug: gateways write down every byte that passes')
    .action((_options, command: Command) => {
      const { tap, fresh, instance } = command.optsWithGlobals<Options>();
      return run('sandbox/main.ts', [
        ...(tap ? ['--tap'] : []),
        ...(fresh ? ['--fresh'] : []),
        ...instanceFlags(instance),
      ]);
    });
  program
    .command('tour')
    .description('a guided run of that sandbox, which shows what Isthmus does, checks it and ends')
    .action((_options, command: Command) =>
      run('sandbox/tour/main.ts', instanceFlags(command.optsWithGlobals<Options>().instance)),
    );
}

interface Options {
  readonly tap?: boolean;
  readonly fresh?: boolean;
  readonly instance?: string;
}

const instanceFlags = (instance: string | undefined): readonly string[] =>
  instance === undefined ? [] : ['--instance', instance];

function run(script: string, flags: readonly string[]): Promise<void> {
  const path = sandboxProgram(join(import.meta.dirname, '../..'), script);
  const child = spawn(process.execPath, [path, ...flags], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      process.exitCode = signal ? 1 : (code ?? 1);
      resolve();
    });
  });
}

/** The file of a program of the sandbox. The image has the command line without it. */
export function sandboxProgram(root: string, script: string): string {
  const path = join(root, script);
  if (existsSync(path)) return path;
  throw new CliError(
    exit.failed,
    'the sandbox is not part of this installation: run isthmus up in a clone of the repository, or name a hub with --url',
  );
}
