import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from './cluster.ts';
import { Hub } from './hub.ts';
import { Measured } from './measured.ts';
import { Shell } from './shell.ts';
import { ClusterTool } from './tool.ts';

/** What the steps share: two clusters, a shell as a person has it, and what was measured. */
export interface World {
  readonly east: Cluster;
  readonly west: Cluster;
  readonly shell: Shell;
  readonly hub: Hub;
  /** Where the shell runs and its commands write. */
  readonly home: string;
  readonly measured: Measured;
  /** Undefined where the clusters are somebody's own: nobody cuts their power. */
  readonly tool: ClusterTool | undefined;
  close(): void;
}

/** What a step gives its tests: the clusters are open once they run. */
export type Step = () => World;

export const root = join(import.meta.dirname, '../..');

export function openWorld(): World {
  const { ISTHMUS_KUBECONFIGS = '', CLUSTER_TOOL, CLUSTER_HOME, PATH } = process.env;
  const [east = '', west = ''] = ISTHMUS_KUBECONFIGS.split(',');
  if (west === '') throw new Error('ISTHMUS_KUBECONFIGS names two kubeconfigs, with a comma between');
  const home = mkdtempSync(join(tmpdir(), 'isthmus-install-'));
  const env = { ...process.env, HOME: home, PATH: `${join(root, 'node_modules/.bin')}:${PATH ?? ''}` };
  // What the commands write stays out of the repository.
  symlinkSync(join(root, 'charts'), join(home, 'charts'));
  const shell = new Shell(home, env);
  const cluster = new Cluster('east', east);
  const hub = new Hub(cluster, home);
  return {
    east: cluster,
    west: new Cluster('west', west),
    shell,
    home,
    hub,
    measured: new Measured(),
    tool:
      CLUSTER_TOOL !== undefined && CLUSTER_HOME !== undefined
        ? new ClusterTool(CLUSTER_TOOL, CLUSTER_HOME)
        : undefined,
    close() {
      hub.close();
      shell.close();
      rmSync(home, { recursive: true });
    },
  };
}
