import { spawn } from 'node:child_process';

// Every static check, in the order in which a mistake is cheapest to read; all run even when one fails.
const checks = ['types', 'lint', 'format', 'direction', 'unused', 'schema', 'generated', 'charts'];

function run(check: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', `check:${check}`], { stdio: 'inherit' });
    child.on('exit', (code) => resolve(code === 0));
  });
}

const failed: string[] = [];
for (const check of checks) {
  const ok = await run(check);
  console.log(`check:${check} ${ok ? 'ok' : 'FAILED'}`);
  if (!ok) failed.push(check);
}
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
