import type { Condition } from '@isthmus/api/domain/condition.ts';

/** Files of the state folder that an agent cannot do without, kept where they outlive the folder. */
export interface Kept {
  /** Puts them into the state folder, before anything reads it. Waits for the API server that has them. */
  restore(): Promise<void>;
  /**
   * Resolves once the files are kept as they are now. It tries until then, and rejects only when the agent stops. Files
   * may be others afterwards, where another replica had written first. A replica that does not lead keeps nothing once
   * it has started.
   */
  keep(): Promise<void>;
  /**
   * Calls with the names of files that another replica has written, once they are in the folder, until the agent stops.
   */
  follow(onTaken: (files: readonly string[]) => void): void;
  /** What is not kept, and why. */
  conditions(): readonly Condition[];
}

/** The state folder is all there is: it outlives the agent. */
export const keptInFolder: Kept = {
  restore: () => Promise.resolve(),
  keep: () => Promise.resolve(),
  follow: () => undefined,
  conditions: () => [],
};

/** The files, by their names in the state folder, which are their keys in the Secret. */
export const keptFiles = [
  'sealing-key',
  'joining-key',
  'link.json',
  'intermediate.json',
  'hub-epochs.json',
  'xds-serving.json',
] as const;
export type KeptFile = (typeof keptFiles)[number];

/** What the sealing key has sealed parts of. */
export const sealedFiles: ReadonlySet<string> = new Set([
  'joining-key',
  'link.json',
  'intermediate.json',
  'xds-serving.json',
]);

/** Name to content, base64. */
export type KeptData = ReadonlyMap<string, string>;
