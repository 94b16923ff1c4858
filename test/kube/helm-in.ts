import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { helmProgram } from '../charts/helm.ts';
import type { Values } from '../charts/variants.ts';

/** What helm prints; throws an error with its own text. `values` come by standard input, where the words name it. */
export type HelmIn = (words: readonly string[], values?: Values) => string;

/** Helm for the cluster of a kubeconfig, with its own files in `folder`. Undefined without a helm. */
export function helmIn(folder: string, kubeconfig: () => string): HelmIn | undefined {
  const program = helmProgram();
  if (program === undefined) return undefined;
  return (words, values) =>
    execFileSync(program, [...words], {
      cwd: join(import.meta.dirname, '../..'),
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        KUBECONFIG: kubeconfig(),
        HELM_CACHE_HOME: folder,
        HELM_CONFIG_HOME: folder,
        HELM_DATA_HOME: folder,
      },
      input: values === undefined ? '' : JSON.stringify(values),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
}
