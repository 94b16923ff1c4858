import { lockFolder } from '@isthmus/mesh/process/folder-lock.ts';

// Takes a folder, says so, and keeps it until it is killed; or says why not and ends with status 1.
try {
  lockFolder(process.argv[2] ?? '', 'holder');
  process.stdout.write('held\n');
  setInterval(() => undefined, 1000);
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
