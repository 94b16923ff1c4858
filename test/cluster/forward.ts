import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Cluster } from './cluster.ts';

/** A port of this machine that leads to a port in a cluster, by `kubectl port-forward`. */
export interface Forward {
  readonly port: number;
  close(): void;
}

/** `target`: `statefulset/isthmus-hub`. Rejects when kubectl ends before it listens. */
export function forward(cluster: Cluster, target: string, port: number): Promise<Forward> {
  const words = ['-n', 'isthmus-system', 'port-forward', target, `:${port}`];
  const child: ChildProcess = spawn('kubectl', words, {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.on('exit', () => reject(new Error(`port-forward to ${target} in ${cluster.name} ended: ${said}`)));
    if (child.stdout)
      createInterface({ input: child.stdout }).on('line', (line) => {
        const [, found] = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line) ?? [];
        if (found !== undefined) resolve({ port: Number(found), close: () => child.kill() });
      });
  });
}
