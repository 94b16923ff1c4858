/** A part of a JSON schema: what a value may be. */
export type Schema = Readonly<Record<string, unknown>>;

/**
 * One value of a chart. `values.yaml`, `values.schema.json` and the table in the chart's README are rendered from lists of
 * these, so that no value lacks a type or an explanation.
 */
export interface Value {
  /** As `--set` takes it: `hub.urls.link`. */
  readonly path: string;
  readonly default: unknown;
  readonly schema: Schema;
  /** Sentences in Markdown: what it does, its unit, and when to change it. */
  readonly means: string;
}

export const value = (path: string, initial: unknown, schema: Schema, means: string): Value => ({
  path,
  default: initial,
  schema,
  means,
});

export const text: Schema = { type: 'string' };
export const flag: Schema = { type: 'boolean' };
/** Whatever Kubernetes accepts there. */
export const object: Schema = { type: 'object' };
export const listOf = (items: Schema): Schema => ({ type: 'array', items });
export const objects: Schema = listOf(object);
export const wholeNumber = (minimum: number, maximum: number): Schema => ({
  type: 'integer',
  minimum,
  maximum,
});
export const oneOf = (...choices: readonly string[]): Schema => ({ enum: choices });
export const matching = (pattern: string): Schema => ({ type: 'string', pattern });
