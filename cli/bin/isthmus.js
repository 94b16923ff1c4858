#!/usr/bin/env node
// Plain JavaScript for any Node: finds a Node >= 24 and runs the command line under it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, '../main.ts');
const major = Number(process.versions.node.split('.')[0]);

function runtime() {
  if (major >= 24) return process.execPath;
  const bundled = [join(here, '../../node_modules/.bin/node'), join(here, '../../../.bin/node')];
  return bundled.find((path) => existsSync(path));
}

const node = runtime();
if (node === undefined) {
  console.error(
    `isthmus needs Node >= 24 and this is ${process.versions.node}: run npm ci, or put a newer Node on the PATH`,
  );
  process.exit(1);
}
const child = spawn(node, ['--no-warnings', main, ...process.argv.slice(2)], { stdio: 'inherit' });
// The terminal signals the whole group; what is sent to this process alone is passed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
