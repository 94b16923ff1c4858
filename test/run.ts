import { spawn } from 'node:child_process';
import { join } from 'node:path';

// Runs every unit, feature, conformance and fuzz test and closes with the plain line `N passed, N failed`.
// Arguments name other files; without any, all of test/**/*.test.ts run. test/fault/ and test/attack/ have commands of their own.
const root = join(import.meta.dirname, '..');
const named = process.argv.slice(2);
const specs = named.length > 0 ? named : ['test/**/*.test.ts'];

const child = spawn(
  process.execPath,
  [
    join(root, 'node_modules/mocha/bin/mocha.js'),
    '--reporter',
    join(import.meta.dirname, 'reporter.cjs'),
    ...['--parallel', '--jobs', '2', '--ignore', 'test/fault/**', '--ignore', 'test/attack/**'],
    ...specs,
  ],
  { cwd: root, stdio: 'inherit' },
);
child.on('exit', (code) => {
  process.exitCode = code === 0 ? 0 : 1;
});
