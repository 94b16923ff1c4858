import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';

// Replaces a file by one of so many bytes, in a process whose files a test has limited.
const [path = '', bytes = '0'] = process.argv.slice(2);
try {
  writeWhole(path, 'n'.repeat(Number(bytes)));
  process.stdout.write('written\n');
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
