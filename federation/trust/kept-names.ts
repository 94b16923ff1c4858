import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { readText } from '@isthmus/mesh/process/read-text.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';

/** Names and addresses of one certificate. */
export const maxNames = 64;

const shape = z.array(z.string().regex(/^[\x21-\x7e]{1,253}$/)).max(maxNames);

/** The names that the certificate of the link has had, the newest first, which outlive the process. */
export interface KeptNames {
  read(): readonly string[];
  write(names: readonly string[]): void;
}

/**
 * In a file. One that cannot be read or written costs no more than the earlier names, and is logged: the hub goes on with
 * those that it learns from its Service.
 */
export const keptNames = (file: string, log: Log): KeptNames => ({
  read() {
    if (!existsSync(file)) return [];
    try {
      return shape.parse(JSON.parse(readText(file)));
    } catch (error) {
      log.warn({ file, error: String(error) }, 'the earlier names of the hub cannot be read from this file');
      return [];
    }
  },
  write(names) {
    try {
      writeWhole(file, JSON.stringify(names));
    } catch (error) {
      log.warn(
        { file, error: String(error) },
        'the names of the hub are not kept: a hub that starts again shows only those that its Service has then',
      );
    }
  },
});
