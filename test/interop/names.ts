import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Asks a DNS server one question over UDP and prints what it said, without what differs between proxies: addresses. */
const source = `
  const packet = require('dns-packet');
  const [server, name, type] = process.argv.slice(1);
  const socket = require('dgram').createSocket('udp4');
  socket.on('message', (bytes) => {
    const { rcode, flag_aa: authority, answers } = packet.decode(bytes);
    const shown = answers.map((one) => [one.name, one.type, one.ttl, one.type === 'CNAME' ? one.data : ''].join(' '));
    console.log(JSON.stringify([rcode, authority, ...shown]));
    process.exit(0);
  });
  const flags = packet.RECURSION_DESIRED;
  socket.send(packet.encode({ type: 'query', id: 7, flags, questions: [{ name, type }] }), 15053, server);
  setTimeout(() => process.exit(1), 5000);`;

/** In a network namespace, or in that of this process. */
export async function askName(
  namespace: string | undefined,
  server: string,
  name: string,
  type: string,
): Promise<unknown> {
  const node = [process.execPath, '-e', source, server, name, type] as const;
  const [command, ...args] =
    namespace === undefined ? node : (['ip', 'netns', 'exec', namespace, ...node] as const);
  return JSON.parse((await promisify(execFile)(command, args)).stdout) as unknown;
}
