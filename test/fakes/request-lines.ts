import { connect } from 'node:net';
import fc from 'fast-check';

/** Targets that other servers have fallen over; arbitrary ones are made beside them. */
const known = [
  ...[
    '//',
    '///',
    '/\\',
    '\\',
    '\\\\',
    '//a:99999/',
    '//[',
    '//[::1',
    '/%',
    '/%zz',
    '/%00',
    '*',
    '?',
    '#',
    '',
  ],
  ...['http://', 'http://a:99999/', 'http://[/', 'https://user:pw@a/', 'HTTP://a', 'http:///', 'ftp://a/b'],
  ...['a:1', ':80', 'graphql', '/graphql//', '/graphql?%zz', '/graphql?a=%ff#', '//graphql', '/./../graphql'],
  ...[
    '/\u00ff',
    '/graphql?query=%7B',
    '/config_dump?',
    '/healthz/ready#',
    '/metrics\\',
    'javascript:alert(1)',
  ],
];

const method = fc.constantFrom(
  'GET',
  'POST',
  'OPTIONS',
  'CONNECT',
  'HEAD',
  'TRACE',
  'PUT',
  'get',
  'G\u0000T',
  '',
);
const target = fc.oneof(
  fc.constantFrom(...known),
  fc.constantFrom(...known).chain((one) => fc.string({ maxLength: 20 }).map((more) => one + more)),
  fc.webUrl(),
  fc.string({ maxLength: 60, unit: 'binary' }),
);
const version = fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/9.9', 'http/1.1', '');
const host = fc.oneof(
  fc.constantFrom('127.0.0.1', 'localhost:1', 'a:99999', '[', '', 'a b', '//', 'evil.example', '\u00ff'),
  fc.string({ maxLength: 20 }),
);
const header = fc.constantFrom(
  ...['', 'Expect: 100-continue\r\n', 'Expect: what\r\n', 'Upgrade: websocket\r\nConnection: upgrade\r\n'],
  ...['Content-Length: 5\r\n', 'Content-Length: -1\r\n', 'Transfer-Encoding: chunked\r\n', 'Cookie: =;=\r\n'],
);

/** The bytes of requests that are well formed, or nearly, or not at all. `authorization` goes with every other one. */
export const requestBytes = (authorization = ''): fc.Arbitrary<Buffer> =>
  fc
    .tuple(method, target, version, host, header, fc.boolean())
    .map(([verb, where, how, name, extra, known]) =>
      Buffer.from(
        `${verb} ${where} ${how}\r\nHost: ${name}\r\n${extra}${known && authorization !== '' ? `Authorization: ${authorization}\r\nContent-Type: application/json\r\n` : ''}\r\n`,
        'latin1',
      ),
    );

/** The status of the answer, and 0 when the connection was closed without one. */
export function statusOf(host: string, port: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, host, () => socket.end(bytes));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(error);
    });
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)));
  });
}

/** Sends `count` requests to a listener, sixteen at a time; gives how often each status came. */
export async function sendMany(
  host: string,
  port: number,
  count: number,
  authorization = '',
): Promise<ReadonlyMap<number, number>> {
  const left = fc.sample(requestBytes(authorization), count);
  const statuses = new Map<number, number>();
  const sender = async () => {
    for (let bytes = left.pop(); bytes; bytes = left.pop()) {
      const status = await statusOf(host, port, bytes);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 16 }, sender));
  return statuses;
}
