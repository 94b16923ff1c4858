import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { layOut, names } from './namespaces.ts';

// `npm run test:interop`: Istio's own ztunnel in our mesh, with real bytes both ways. ZTUNNEL_BIN names its binary. It
// listens on fixed ports, so it has a network namespace of its own; the sandbox has another, in which this suite runs.
const root = join(import.meta.dirname, '../..');

function missing(): string | undefined {
  const binary = process.env['ZTUNNEL_BIN'];
  if (binary === undefined) return 'ZTUNNEL_BIN names no upstream ztunnel';
  if (!existsSync(binary)) return `there is no ${binary}`;
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const tool of ['ip', 'iptables'])
    if (spawnSync(tool, ['-V']).error) return `${tool} is not installed (Debian: iproute2, iptables)`;
  return undefined;
}

const why = missing();
if (why !== undefined) console.log(`THE INTEROP SUITE DID NOT RUN: ${why}`);
else {
  const laidOut = layOut(names);
  try {
    process.exitCode = await inside(names.mesh);
  } finally {
    laidOut.remove();
  }
}

function inside(namespace: string): Promise<number> {
  const mocha = [
    join(root, 'node_modules/mocha/bin/mocha.js'),
    ...['--config', 'test/interop/.mocharc.json'],
  ];
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, ...mocha], {
    cwd: root,
    stdio: 'inherit',
  });
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}
