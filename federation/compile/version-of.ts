import type { DownType } from '@isthmus/api/wire/link.ts';
import type { Now } from '../state/now.ts';
import { compileOne } from './compile-one.ts';

/**
 * The version under which agents report what goes down by a name that intent alone decides: what they say of another
 * one is about the past. Undefined when nothing of that name goes down.
 */
export function versionOf(now: Now, type: DownType, name: string): string | undefined {
  const { compiled, intent } = now;
  // A commit is read before the turn ends in which the catalog follows it.
  const isBehind = compiled.moment.revision !== BigInt(intent.revision);
  return (isBehind ? compileOne(now, type, name) : compiled.get(type, name))?.version;
}
