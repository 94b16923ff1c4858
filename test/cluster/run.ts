import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bringUp } from './bring-up.ts';
import { ClusterTool } from './tool.ts';

// `npm run test:cluster`: docs/install.md command by command in two real clusters, then what may happen to them.
// CLUSTER_TOOL names the program that makes the clusters; ISTHMUS_KUBECONFIGS=a,b uses two that there are. The steps that
// cut power and stop API servers need the tool. What this starts, it ends.
const root = join(import.meta.dirname, '../..');
const { CLUSTER_TOOL: program, ISTHMUS_KUBECONFIGS: given } = process.env;

function missing(): string | undefined {
  if (given !== undefined) return undefined;
  if (program === undefined) return 'CLUSTER_TOOL names no tool, and ISTHMUS_KUBECONFIGS no two clusters';
  if (!existsSync(program)) return `there is no ${program}`;
  return process.getuid?.() === 0 ? undefined : 'nodes are namespaces, which need root';
}

const why = missing();
if (why !== undefined) console.log(`THE CLUSTER SUITE DID NOT RUN: ${why}`);
else if (given !== undefined) process.exitCode = await suite({ ISTHMUS_KUBECONFIGS: given });
else process.exitCode = await inOwnClusters(program ?? '');

async function inOwnClusters(program: string): Promise<number> {
  const home = mkdtempSync('/tmp/isthmus-clusters-');
  const folder = mkdtempSync('/tmp/isthmus-cluster-files-');
  const tool = new ClusterTool(program, home);
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
  try {
    const began = performance.now();
    const programs = await tool.run(['build']);
    const { east, west } = await bringUp(tool, folder);
    console.log(`two clusters, with their images, in ${Math.round((performance.now() - began) / 1000)} s`);
    const env = { ISTHMUS_KUBECONFIGS: `${east},${west}`, CLUSTER_TOOL: program, CLUSTER_HOME: home };
    return stopped.signal.aborted
      ? 1
      : await suite({ ...env, PATH: `${programs}:${process.env['PATH'] ?? ''}` }, stopped.signal);
  } finally {
    await tool.run(['down', '--all']);
    for (const made of [home, folder]) rmSync(made, { recursive: true, force: true });
  }
}

function suite(env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<number> {
  const mocha = [
    join(root, 'node_modules/mocha/bin/mocha.js'),
    ...['--config', 'test/cluster/.mocharc.json', ...process.argv.slice(2)],
  ];
  const child = spawn(process.execPath, mocha, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  signal?.addEventListener('abort', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}
