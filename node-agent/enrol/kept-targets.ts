import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { maxEnrolments } from './enrolments.ts';
import type { Target } from './enrolment.ts';

const shape = z.object({
  pods: z
    .array(
      z.object({
        uid: z.string().min(1).max(100),
        name: z.string().min(1).max(253),
        namespace: z.string().min(1).max(63),
        serviceAccount: z.string().min(1).max(253),
        identity: z.string(),
        options: z.object({
          dns: z.boolean(),
          inbound: z.boolean(),
          virtualInterfaces: z.array(z.string().max(15)).max(32),
        }),
      }),
    )
    .max(maxEnrolments),
});

/** A pod without its path, which may be another after a start. */
export type KeptTarget = Omit<Target, 'path'>;

/**
 * Which pods are enrolled, in a file of the node: after a restart the proxies get them again before anything is known of the
 * API server. It goes with a reboot, as the namespaces do.
 */
export class KeptTargets {
  readonly #path: string;
  readonly #log: Log;
  #last = '';

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** A file that cannot be read has none: what is enrolled is then found by its rules. */
  restore(): readonly KeptTarget[] {
    try {
      return shape.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).pods;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#log.warn(
          { path: this.#path, error: String(error) },
          'the list of enrolled pods cannot be read',
        );
      return [];
    }
  }

  keep(targets: readonly Target[]): void {
    const pods: readonly KeptTarget[] = targets.map(
      ({ uid, name, namespace, serviceAccount, identity, options }) => ({
        uid,
        name,
        namespace,
        serviceAccount,
        identity,
        options,
      }),
    );
    const text = JSON.stringify({ pods });
    if (text === this.#last) return;
    this.#last = text;
    try {
      writeWhole(this.#path, text, { flush: false });
    } catch (error) {
      this.#last = '';
      this.#log.error({ error: String(error) }, 'the list of enrolled pods cannot be kept');
    }
  }
}
