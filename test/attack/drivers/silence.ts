import { connect } from 'node:net';

/**
 * Opens connections to several ports of one host, from 8,000 addresses in turn, and says nothing on them; run as a
 * process of its own. Prints, as one line of JSON, what became of them once the listener has ended them all.
 */
const [host = '', ports = '', prefix = '', count = ''] = process.argv.slice(2);
const at = ports.split(',').map(Number);

let made = 0;
let failed = 0;
let open = 0;

function one(i: number): Promise<void> {
  const localAddress = `${prefix}.${200 + (Math.floor(i / 250) % 32)}.${1 + (i % 250)}`;
  const socket = connect({ host, port: at[i % at.length]!, localAddress });
  return new Promise((resolve) => {
    socket.on('connect', () => {
      made++;
      open++;
      socket.on('close', () => open--);
      resolve();
    });
    socket.resume().on('error', () => {
      if (socket.connecting || socket.remoteAddress === undefined) failed++;
      resolve();
    });
  });
}

for (let i = 0; i < Number(count); i += 100)
  await Promise.all(Array.from({ length: 100 }, (_, k) => one(i + k)));
const last = performance.now();
const look = setInterval(() => {
  const waited = performance.now() - last;
  if (open > 0 && waited < 60_000) return;
  clearInterval(look);
  process.stdout.write(`${JSON.stringify({ made, failed, held: open, waited: Math.round(waited) })}\n`);
  process.exit(0);
}, 50);
