import { spawn } from 'node:child_process';
import { join } from 'node:path';

// Runs every unit, feature, conformance and fuzz test and closes with the plain line `N passed, N failed`.
// Arguments go to mocha; without any, all of test/**/*.test.ts run.
const root = join(import.meta.dirname, '..');
const reporter = join(import.meta.dirname, 'reporter.cjs');
const mocha = join(root, 'node_modules/mocha/bin/mocha.js');

const child = spawn(process.execPath, [mocha, '--reporter', reporter, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NODE_DISABLE_COLORS: process.stdout.isTTY ? '' : '1' },
});
child.on('exit', (code, signal) => {
  process.exitCode = signal ? 1 : (code ?? 1) === 0 ? 0 : 1;
});
