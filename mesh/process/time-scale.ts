import { MeshError } from './mesh-error.ts';

/**
 * How many times as much a slow machine is allowed where deadlines are asserted: ISTHMUS_TIME_SCALE, 1 when it is
 * unset or empty. Throws BAD_TIME_SCALE: a bound of nothing, or of NaN, would make every measurement meaningless.
 */
export function timeScaleOf(env: NodeJS.ProcessEnv): number {
  const text = env['ISTHMUS_TIME_SCALE'] ?? '';
  const scale = text === '' ? 1 : Number(text);
  if (scale > 0 && Number.isFinite(scale)) return scale;
  throw new MeshError('BAD_TIME_SCALE', `ISTHMUS_TIME_SCALE is '${text}': give a number above 0, such as 3`);
}
