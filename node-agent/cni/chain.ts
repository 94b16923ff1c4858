import { z } from 'zod';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

/** The name of our plugin, and of its file in the folder of plugins. */
export const pluginType = 'isthmus-cni';

const shape = z.looseObject({
  plugins: z
    .array(z.looseObject({ type: z.string() }))
    .min(1)
    .max(50),
});
type Configuration = z.infer<typeof shape>;

/** Which file of a folder a runtime uses: the first by name that is a configuration; undefined: none. */
export const usedFile = (names: readonly string[]): string | undefined =>
  [...names].filter((name) => /\.(conflist|conf|json)$/.test(name)).sort()[0];

/** The configuration with our plugin as its last; the same text where it is that already. The error is one sentence. */
export function chained(name: string, text: string): Result<string, string> {
  const read = readConfiguration(name, text);
  if (!read.ok) return read;
  const { plugins } = read.value;
  if (plugins.at(-1)?.type === pluginType && countOurs(read.value) === 1) return ok(text);
  return ok(written({ ...read.value, plugins: [...others(read.value), { type: pluginType }] }));
}

/** The configuration without our plugin. */
export function unchained(name: string, text: string): Result<string, string> {
  const read = readConfiguration(name, text);
  if (!read.ok) return read;
  return ok(countOurs(read.value) === 0 ? text : written({ ...read.value, plugins: others(read.value) }));
}

const others = ({ plugins }: Configuration) => plugins.filter(({ type }) => type !== pluginType);
const countOurs = ({ plugins }: Configuration): number =>
  plugins.filter(({ type }) => type === pluginType).length;
const written = (configuration: Configuration): string => `${JSON.stringify(configuration, undefined, 2)}\n`;

function readConfiguration(name: string, text: string): Result<Configuration, string> {
  if (!name.endsWith('.conflist'))
    return err(`${name} has one plugin, behind which none can be chained: write it as a .conflist`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err(`${name} is not JSON`);
  }
  const read = shape.safeParse(value);
  return read.success ? ok(read.data) : err(`${name} has no list of plugins, each with a type`);
}
