import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { podKey, type PodKey } from '../../../keys/names.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';

/** What pods' processes start with: a folder for each with its environment and its token. */
export class PodFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** `<namespace>/<name>` of every pod that has files, of an earlier start of the agent too. */
  pods(): readonly PodKey[] {
    if (!existsSync(this.#root)) return [];
    return foldersIn(this.#root).flatMap((namespace) =>
      foldersIn(join(this.#root, namespace)).map((name) => podKey({ namespace, name })),
    );
  }

  writeToken(pod: string, token: string): void {
    this.#write(pod, 'token', token);
  }

  /** To be written last, as its appearance is the sign that the pod may start. */
  writeEnvironment(pod: string, text: string): void {
    this.#write(pod, 'env', text);
  }

  /** The pod is gone, so its token must not be used any more. */
  remove(pod: string): void {
    rmSync(join(this.#root, pod), { recursive: true, force: true });
  }

  /** Every file is written again when the agent starts, for each of thousands of pods: only the first needs its folder made. */
  #write(pod: string, name: string, text: string): void {
    const folder = join(this.#root, pod);
    const write = () => writeWhole(join(folder, name), text, { flush: false });
    try {
      write();
    } catch (error) {
      if (!isMissing(error)) throw error;
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      write();
    }
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';

const foldersIn = (path: string): readonly string[] =>
  readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

/** One `NAME=value` a line. No value has a line break in it: the decoder has seen to that. `variables`: of services. */
export const environmentOf = (
  { metadata, podIP, appAddress, nodeName, serviceAccount }: PodObject,
  variables: string,
): string => `POD_IP=${podIP}
APP_ADDRESS=${appAddress}
POD_NAME=${metadata.name}
POD_NAMESPACE=${metadata.namespace}
SERVICE_ACCOUNT=${serviceAccount}
NODE_NAME=${nodeName}
${variables}`;
