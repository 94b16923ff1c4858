import { readFlags, type Flag } from '@isthmus/mesh/process/flags.ts';
import { writeErr } from '@isthmus/mesh/process/terminal-text.ts';
import { scaled, wholeSizes, type Sizes } from './sizes.ts';

export interface Options {
  readonly sizes: Sizes;
  readonly limitSeconds: number;
  readonly isSelected: (row: string) => boolean;
}

/** A tool that measures. */
export interface Tool {
  /** `bench:size`: its npm script. */
  readonly name: string;
  readonly about: string;
  /** What `--only` can name. */
  readonly rows: readonly string[];
  /** Sizes that its rows use. */
  readonly sizes: readonly (keyof Sizes)[];
}

/** Flag of a size: `remoteServices` is `--remote-services`. */
const flagOf = (size: string): string => size.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const sizeFlag = (size: keyof Sizes): Flag => ({
  name: flagOf(size),
  value: 'N',
  default: String(wholeSizes[size]),
  help: 'size at --scale 1',
});

/** From the command line. What it does not know, or cannot read, ends the process with status 2 and one sentence. */
export function readOptions({ name, about, rows, sizes }: Tool): Options {
  const program = `npm run ${name} --`;
  const refuse = (message: string): never => {
    writeErr(`${program}: ${message}; see ${program} --help\n`);
    process.exit(2);
  };
  const own: readonly Flag[] = [
    {
      name: 'only',
      value: 'ROW',
      default: 'all',
      choices: ['all', ...rows],
      help: `one row: ${rows.join(', ')}`,
    },
    { name: 'scale', value: 'FACTOR', default: '1', help: 'all sizes times this, for a quick try: 0.01' },
    {
      name: 'limit',
      value: 'SECONDS',
      default: '300',
      help: 'for each row, and for each start of processes; then the cell says so',
    },
  ];
  const flags = readFlags(program, about, [...own, ...sizes.map(sizeFlag)], []);
  const scale = Number(flags.text('scale'));
  if (!(scale > 0 && scale <= 100))
    refuse(`--scale is a number above 0 and up to 100, not '${flags.text('scale')}'`);
  const limitSeconds = flags.count('limit');
  if (limitSeconds < 1) refuse('--limit is at least 1 second');
  const only = flags.text('only');
  const given: Sizes = {
    ...wholeSizes,
    ...Object.fromEntries(sizes.map((size) => [size, flags.count(flagOf(size))])),
  };
  const isSelected = (row: string) => only === 'all' || only === row;
  return { sizes: scaled(given, scale), limitSeconds, isSelected };
}
