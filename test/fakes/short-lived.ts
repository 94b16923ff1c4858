// A program for the launcher: says its first argument, and ends with the second as its status or stays.
const [line = '', status] = process.argv.slice(2);
process.stdout.write(`${line}\n`);
if (status === undefined) process.stdin.on('end', () => process.exit(0)).resume();
else process.exitCode = Number(status);
