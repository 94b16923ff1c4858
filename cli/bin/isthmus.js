#!/usr/bin/env node
// Plain JavaScript for any Node: runs the command line, under a Node >= 24 of the repository when this one is older.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, '../main.ts');
const major = Number(process.versions.node.split('.')[0]);

// What the command starts ends with this process, however it ends: it watches everybody up to this pid.
process.env.ISTHMUS_STARTED_BY = String(process.pid);

if (major >= 24) await import(main);
else runElsewhere();

function runElsewhere() {
  const bundled = [join(here, '../../node_modules/.bin/node'), join(here, '../../../.bin/node')];
  const node = bundled.find((path) => existsSync(path));
  if (node === undefined) {
    console.error(
      `isthmus needs Node >= 24 and this is ${process.versions.node}: run npm ci, or put a newer Node on the PATH`,
    );
    process.exit(1);
  }
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal signals the whole group; what is sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
