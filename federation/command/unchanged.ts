import { storedOf } from '../state/intent.ts';
import type { IntentState } from '../state/snapshot.ts';
import type { Write } from '../store/store.ts';

/** Whether the store has already what these writes would make: then a commit would only pad the history. */
export const changesNothing = (intent: IntentState, writes: readonly Write[]): boolean =>
  writes.every((write) => {
    if (!('put' in write)) return storedOf(intent, write.remove, write.id) === undefined;
    const before = storedOf(intent, write.put.kind, write.id)?.value;
    return before !== undefined && canonical(before) === canonical(write.put);
  });

/** JSON with its keys in order: what was read from a file lacks the fields that are undefined. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
