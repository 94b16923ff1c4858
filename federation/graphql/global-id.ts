import { fromCursor, toCursor } from './pages.ts';

/** Relay's global ids: the type and what names the object within it. */
export const globalId = (type: string, id: string): string => toCursor(`${type}:${id}`);

export function readGlobalId(id: string): { type: string; id: string } {
  const [type = '', ...rest] = fromCursor(id).split(':');
  return { type, id: rest.join(':') };
}

/** The id within its type that a caller gave: either that id itself, or the global id that stands for it. */
export function localId(type: string, given: string): string {
  const global = readGlobalId(given);
  return global.type === type && global.id !== '' ? global.id : given;
}
