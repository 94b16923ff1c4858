import { z } from 'zod';
import { keptFiles, type KeptData } from './kept.ts';

export interface Versions {
  /** What this replica and the Secret had in common last. */
  readonly base: KeptData;
  readonly ours: KeptData;
  readonly theirs: KeptData;
}

/**
 * What is kept after another one has written the Secret: a file that one side alone has changed is as that side has it,
 * and one that both have changed as `prevails` says. With another sealing key nothing of the other side can be opened,
 * so that one side counts for all. Pure.
 */
export function merged({ base, ours, theirs }: Versions, prevails: 'OURS' | 'THEIRS'): KeptData {
  const key = ours.get('sealing-key');
  if (key !== theirs.get('sealing-key') && key !== undefined && theirs.size > 0) {
    const isOursOnly = prevails === 'OURS' || !theirs.has('sealing-key');
    return isOursOnly ? ours : theirs;
  }
  const result = new Map<string, string>();
  for (const name of keptFiles) {
    const [was, mine, other] = [base.get(name), ours.get(name), theirs.get(name)];
    if (name === 'hub-epochs.json' && mine !== undefined && other !== undefined) {
      result.set(name, higherEpochs(mine, other));
      continue;
    }
    const isMine = was === other || (was !== mine && prevails === 'OURS');
    const content = isMine ? mine : other;
    if (content !== undefined) result.set(name, content);
  }
  return result;
}

/** Of each hub the higher epoch: one that was seen by either is not believed again. What cannot be read counts nothing. */
function higherEpochs(mine: string, other: string): string {
  const [a, b] = [epochsIn(mine), epochsIn(other)];
  if (!a || !b) return a ? mine : other;
  const higher = new Map(Object.entries(a));
  for (const [hub, epoch] of Object.entries(b)) if (epoch > (higher.get(hub) ?? -1n)) higher.set(hub, epoch);
  const text = JSON.stringify(Object.fromEntries([...higher].map(([hub, epoch]) => [hub, String(epoch)])));
  return Buffer.from(text).toString('base64');
}

function epochsIn(content: string): Readonly<Record<string, bigint>> | undefined {
  try {
    const read: unknown = JSON.parse(Buffer.from(content, 'base64').toString());
    return z
      .record(
        z.string(),
        z
          .string()
          .regex(/^\d{1,19}$/)
          .transform(BigInt),
      )
      .parse(read);
  } catch {
    return undefined;
  }
}

/** Whether two have the same files with the same content. */
export const areSame = (one: KeptData, other: KeptData): boolean =>
  one.size === other.size && [...one].every(([name, content]) => other.get(name) === content);
