import type { DownType } from '@isthmus/api/wire/link.ts';
import { receives, type Receiver } from './audience.ts';
import type { CatalogUpdate, Compiled } from './compiled.ts';

/** A name of which a receiver gets another version than before; undefined: it got none. */
export interface Difference {
  readonly type: DownType;
  readonly name: string;
  readonly before: string | undefined;
}

/** What an update changes for a receiver. */
export function differences({ compiled }: CatalogUpdate, receiver: Receiver): readonly Difference[] {
  const found: Difference[] = [];
  for (const change of compiled) {
    if (change.trustDomain !== undefined && change.trustDomain !== receiver.trustDomain) continue;
    const was = versionFor(change.before, receiver);
    if (was !== versionFor(change.after, receiver))
      found.push({ type: change.type, name: change.name, before: was });
  }
  return found;
}

const versionFor = (compiled: Compiled | undefined, receiver: Receiver): string | undefined =>
  compiled && receives(compiled.audience, receiver) ? compiled.version : undefined;
