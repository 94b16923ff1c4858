import type { DownType } from '@isthmus/api/wire/link.ts';
import { receives, type Receiver } from './audience.ts';
import type { AloneFlip, CatalogUpdate, Compiled } from './compiled.ts';

/** A name of which a receiver gets another version than before; undefined: it got none. */
export interface Difference {
  readonly type: DownType;
  readonly name: string;
  readonly before: string | undefined;
}

/** A receiver after what an update changes of it; itself when that is nothing. */
export function withFlips(receiver: Receiver, flips: readonly AloneFlip[]): Receiver {
  if (flips.length === 0) return receiver;
  const own = flips.filter(({ cluster }) => cluster === receiver.cluster);
  if (own.length === 0) return receiver;
  const alone = new Set(receiver.alone);
  for (const { service, isAlone } of own)
    if (isAlone) alone.add(service);
    else alone.delete(service);
  return { ...receiver, alone };
}

/** What an update changes for a receiver that was one thing before it and is another after it. */
export function differences(
  { compiled, flips }: CatalogUpdate,
  before: Receiver,
  after: Receiver,
): readonly Difference[] {
  const found: Difference[] = [];
  for (const change of compiled) {
    if (change.trustDomain !== undefined && change.trustDomain !== after.trustDomain) continue;
    const was = versionFor(change.before, before);
    if (was !== versionFor(change.after, after))
      found.push({ type: change.type, name: change.name, before: was });
  }
  for (const { cluster, remotes } of flips) {
    if (cluster !== after.cluster) continue;
    for (const one of remotes) {
      const was = versionFor(one, before);
      if (was !== versionFor(one, after)) found.push({ type: one.type, name: one.name, before: was });
    }
  }
  return found;
}

const versionFor = (compiled: Compiled | undefined, receiver: Receiver): string | undefined =>
  compiled && receives(compiled.audience, receiver) ? compiled.version : undefined;
