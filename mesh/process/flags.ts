import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { writeErr, writeOut } from './terminal-text.ts';

/** One flag of a program, for parsing and for --help. */
export interface Flag {
  readonly name: string;
  /** What stands for its value in --help; absent for a switch. */
  readonly value?: string;
  readonly default?: string;
  /** The only values that it takes. */
  readonly choices?: readonly string[];
  readonly help: string;
}

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface Flags {
  /** The flag's value, its default, or ''. */
  text(name: string): string;
  on(name: string): boolean;
  /** A HOST:PORT flag; anything else ends the program with status 2 and one sentence. */
  address(name: string): ListenAddress;
  /** A whole number from 0; anything else ends the program with status 2 and one sentence. */
  count(name: string): number;
}

export const logLevelFlag: Flag = {
  name: 'log-level',
  value: 'LEVEL',
  default: 'info',
  choices: ['debug', 'info', 'warn', 'error'],
  help: 'debug, info, warn or error',
};

/**
 * Reads a program's flags. Prints help and ends with status 0 on --help; an unknown flag, a value that is not one of a
 * flag's choices, or a missing or empty required one (no default, named in `required`) ends it with status 2 and one
 * sentence.
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
    writeOut(helpText(program, purpose, flags));
    process.exit(0);
  }
  const missing = required.find((name) => values[name] === undefined || values[name] === '');
  if (missing !== undefined) return usage(program, `--${missing} is required`);
  const defaults = new Map(flags.map((flag) => [flag.name, flag.default ?? '']));
  const text = (name: string) =>
    typeof values[name] === 'string' ? values[name] : (defaults.get(name) ?? '');
  for (const { name, choices } of flags)
    if (choices && !choices.includes(text(name)))
      return usage(program, `--${name} is ${choices.join(', ')}, not '${text(name)}'`);
  return {
    text,
    on: (name) => values[name] === true,
    address: (name) =>
      readAddress(text(name)) ??
      usage(program, `--${name} is HOST:PORT, such as 127.0.0.1:8080, not '${text(name)}'`),
    count: (name) =>
      /^\d{1,15}$/.test(text(name))
        ? Number(text(name))
        : usage(program, `--${name} is a whole number, not '${text(name)}'`),
  };
}

/** Undefined when it is not HOST:PORT. */
export function readAddress(text: string): ListenAddress | undefined {
  const [, host = '', digits = ''] = /^(.+):(0|[1-9]\d{0,4})$/.exec(text) ?? [];
  const port = Number(digits);
  return host === '' || port > 65_535 ? undefined : { host, port };
}

function usage(program: string, message: string): never {
  writeErr(`${program}: ${message}; see ${program} --help\n`);
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
