import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { helloMessage, inRecords } from '../fakes/hello.ts';

/**
 * Attacks one TLS listener with as many handshakes at once as are asked for, from 64 addresses in turn, for a time; run as
 * a process of its own. `whole` handshakes come to their end and show no certificate; `half` send the first bytes of a
 * hello and wait. Prints what became of them as one line of JSON.
 */
const [host = '', port = '', prefix = '', mode = '', atOnce = '', seconds = ''] = process.argv.slice(2);

const half = inRecords(helloMessage({ alpn: ['h2'] })).subarray(0, 20);
const started = performance.now();
const over = () => performance.now() - started > Number(seconds) * 1000;

let begun = 0;
let ended = 0;
/** How long the longest was held by the listener, milliseconds. */
let longest = 0;
const open = new Set<Socket>();

function begin(): void {
  let at = performance.now();
  const from = `${prefix}.${1 + (begun++ % 64)}`;
  const raw = connectTcp({ host, port: Number(port), localAddress: from });
  open.add(raw);
  raw.on('error', () => undefined);
  raw.on('connect', () => {
    at = performance.now();
    if (mode === 'half') raw.write(half);
  });
  // A handshake of this process that is late for want of CPU is not the listener's.
  if (mode === 'half') raw.resume();
  else
    connectTls({ socket: raw, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
      .on('error', () => undefined)
      .resume();
  raw.once('close', () => {
    open.delete(raw);
    ended++;
    longest = Math.max(longest, performance.now() - at);
    if (!over()) setImmediate(begin);
  });
}

for (let i = 0; i < Number(atOnce); i++) begin();
const look = setInterval(() => {
  // What is held at the end must be ended by the listener.
  if (!over() || (open.size > 0 && performance.now() - started < Number(seconds) * 1000 + 60_000)) return;
  clearInterval(look);
  process.stdout.write(
    `${JSON.stringify({ begun, ended, held: open.size, longest: Math.round(longest) })}\n`,
  );
  process.exit(0);
}, 50);
