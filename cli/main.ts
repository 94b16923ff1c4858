import { exit } from './exit.ts';
import { runCommandLine } from './program.ts';
import { processWorld } from './world.ts';

// A reader that has seen enough (`| head`) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
const status = await runCommandLine(process.argv.slice(2), processWorld);
// A command that runs a program has set that program's own status.
if (status !== exit.done) process.exitCode = status;
