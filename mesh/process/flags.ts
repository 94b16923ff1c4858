import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** One flag of a program, for parsing and for --help. */
export interface Flag {
  readonly name: string;
  /** What stands for its value in --help; absent for a switch. */
  readonly value?: string;
  readonly default?: string;
  readonly help: string;
}

export interface Flags {
  /** The flag's value, its default, or ''. */
  text(name: string): string;
  on(name: string): boolean;
}

/**
 * Reads a program's flags. Prints help and ends with status 0 on --help; an unknown flag or a missing required one
 * (no default, named in `required`) ends it with status 2 and one sentence.
 */
export function readFlags(
  program: string,
  purpose: string,
  flags: readonly Flag[],
  required: readonly string[],
): Flags {
  const options: ParseArgsOptionsConfig = { help: { type: 'boolean' } };
  for (const { name, value } of flags) options[name] = { type: value === undefined ? 'boolean' : 'string' };
  let values: Readonly<Record<string, unknown>>;
  try {
    values = parseArgs({ options, strict: true }).values;
  } catch (error) {
    return usage(program, error instanceof Error ? error.message : String(error));
  }
  if (values['help'] === true) {
    process.stdout.write(helpText(program, purpose, flags));
    process.exit(0);
  }
  const missing = required.find((name) => values[name] === undefined);
  if (missing !== undefined) return usage(program, `--${missing} is required`);
  const defaults = new Map(flags.map((flag) => [flag.name, flag.default ?? '']));
  return {
    text: (name) => (typeof values[name] === 'string' ? values[name] : (defaults.get(name) ?? '')),
    on: (name) => values[name] === true,
  };
}

function usage(program: string, message: string): never {
  process.stderr.write(`${program}: ${message}; see ${program} --help\n`);
  process.exit(2);
}

function helpText(program: string, purpose: string, flags: readonly Flag[]): string {
  const left = flags.map(({ name, value }) => `  --${name}${value === undefined ? '' : ` ${value}`}`);
  const width = Math.max(...left.map(({ length }) => length));
  const lines = flags.map(
    (flag, i) =>
      `${(left[i] ?? '').padEnd(width)}  ${flag.help}${flag.default === undefined ? '' : ` (${flag.default})`}`,
  );
  return `${program}: ${purpose}\n\n${lines.join('\n')}\n`;
}
