import { request } from 'node:http';
import { connect } from 'node:net';

/** The body of `/` at a service, asked for by a pod of the sandbox through the SOCKS5 listener at its address (RFC 1928). */
export async function getBySocks(pod: string, host: string, port: number): Promise<string> {
  const socket = connect({ host: pod, port: 15080, localAddress: pod, timeout: 5000 });
  socket.on('timeout', () => socket.destroy(new Error('no answer within 5 s')));
  const take = (length: number) =>
    new Promise<Buffer>((resolve, reject) => {
      const look = () => {
        const bytes = socket.read(length) as Buffer | null;
        if (!bytes) return;
        socket.off('readable', look).off('close', gone).off('error', reject);
        resolve(bytes);
      };
      const gone = () => reject(new Error('the connection closed'));
      socket.on('readable', look).on('close', gone).on('error', reject);
      look();
    });
  socket.write(Buffer.from([5, 1, 0]));
  await take(2);
  const name = Buffer.from(host);
  socket.write(Buffer.from([5, 1, 0, 3, name.length, ...name, port >> 8, port & 255]));
  const reply = await take(10);
  if (reply[1] !== 0) throw new Error(`SOCKS5 reply ${reply[1] ?? '?'}`);
  return new Promise((resolve, reject) => {
    const outgoing = request({ createConnection: () => socket, path: '/', host }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject).on('end', () => resolve(text));
    });
    outgoing.on('error', reject).end();
  });
}
