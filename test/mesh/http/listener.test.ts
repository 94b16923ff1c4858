import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { httpListener, type Answer } from '@isthmus/mesh/http/listener.ts';
import { readHost, readTarget } from '@isthmus/mesh/http/target.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { sendMany, statusOf } from '../../fakes/request-lines.ts';

async function listening(answer: Answer, addressOnly = false) {
  const logged: object[] = [];
  const log = { ...silentLog, error: (fields: object) => void logged.push(fields) };
  const server = httpListener(answer, { name: 'test', log, addressOnly }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = (line: string, host = 'localhost') =>
    statusOf('127.0.0.1', port, Buffer.from(`${line}\r\nHost: ${host}\r\n\r\n`, 'latin1'));
  return { server, port, ask, logged, stop: () => (server.closeAllConnections(), server.close()) };
}

describe('mesh/http request targets', () => {
  for (const [url, path, query] of [
    ['/', '/', ''],
    ['/graphql', '/graphql', ''],
    ['/graphql?a=b?c', '/graphql', '?a=b?c'],
    ['/a//b', '/a//b', ''],
    ['http://hub:8080/graphql?x', '/graphql', '?x'],
    ['HTTPS://hub', '/', ''],
    ['http://hub?x', '/', '?x'],
  ] as const)
    it(`reads ${url}`, () => assert.deepEqual(readTarget(url), { ok: true, value: { path, query } }));

  for (const url of [
    '',
    '*',
    '//',
    '///',
    '/\\',
    '//a:99999/',
    'a:1',
    'graphql',
    '/a#b',
    '/a b',
    '/\u0000',
    'http:///a',
    'ftp://a/',
  ])
    it(`refuses ${JSON.stringify(url)}`, () => assert.equal(readTarget(url).ok, false));

  it('reads a host with and without a port, and refuses ports below 1 and above 65535', () => {
    for (const [header, host] of [
      ['Hub.Example', 'hub.example'],
      ['127.0.0.1:1', '127.0.0.1'],
      ['[::1]:65535', '[::1]'],
    ] as const)
      assert.deepEqual(readHost(header), { ok: true, value: host });
    for (const header of ['', 'a:0', 'a:65536', 'a:', 'a b', '//a', 'a:1:2', '[::1', 'a@b'])
      assert.equal(readHost(header).ok, false, header);
  });
});

describe('mesh/http listener', () => {
  it('answers 400 for a target or a Host that cannot be read, and never asks the handler', async () => {
    let asked = 0;
    const { ask, stop } = await listening((_request, response) => (asked++, void response.end('ok')));
    for (const line of [
      'GET // HTTP/1.1',
      'GET /\\ HTTP/1.1',
      'GET //a:99999/ HTTP/1.1',
      'CONNECT a:1 HTTP/1.1',
      'nonsense',
    ])
      assert.equal(await ask(line), 400, line);
    assert.equal(await ask('GET / HTTP/1.1', 'a:99999'), 400);
    assert.equal(asked, 0);
    assert.equal(await ask('GET / HTTP/1.1'), 200);
    stop();
  });

  it('answers 500 when a handler throws at once or later, and says so in the log', async () => {
    const { ask, logged, stop } = await listening((_request, _response, { path }) => {
      if (path === '/later') return Promise.reject(new Error('later'));
      throw new Error('at once');
    });
    assert.equal(await ask('GET /later HTTP/1.1'), 500);
    assert.equal(await ask('GET /now HTTP/1.1'), 500);
    assert.equal(logged.length, 2);
    stop();
  });

  it('refuses a Host that is not an address where only addresses are allowed', async () => {
    const { ask, stop } = await listening((_request, response) => void response.end('ok'), true);
    for (const host of ['localhost', '127.0.0.1:15000', '[::1]:15000'])
      assert.equal(await ask('GET / HTTP/1.1', host), 200, host);
    assert.equal(await ask('GET / HTTP/1.1', 'rebound.example:15000'), 403);
    stop();
  });

  it('closes a connection whose headers are not complete after 10 s', async () => {
    const { server, stop } = await listening((_request, response) => void response.end('ok'));
    assert.equal(server.headersTimeout, 10_000);
    assert.ok(server.requestTimeout > server.headersTimeout);
    stop();
  });

  it('ends the oldest of 512 connections of an address that have sent no request, and serves the newest', async () => {
    const { server, port, stop } = await listening((_request, response) => void response.end('ok'));
    let open = 0;
    server.on('connection', (socket) => {
      open++;
      socket.once('close', () => open--);
    });
    const known = connect(port, '127.0.0.1');
    const answered = once(known, 'data');
    known.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await answered;
    const silent: Socket[] = [];
    for (let i = 0; i < 600; i++) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      silent.push(socket);
      await once(socket, 'connect');
    }
    while (open !== 513) await new Promise((resolve) => setImmediate(resolve));
    const again = once(known, 'data');
    known.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.match(String(((await again) as [Buffer])[0]), /^HTTP\/1.1 200/);
    const last = silent.at(-1);
    assert.ok(last);
    const newest = once(last, 'data');
    last.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.match(String(((await newest) as [Buffer])[0]), /^HTTP\/1.1 200/);
    for (const socket of [known, ...silent]) socket.destroy();
    stop();
  });

  it('lives through 10,000 request lines, whatever they are', async function () {
    this.timeout(120_000);
    const { port, ask, stop } = await listening((_request, response) => void response.end('ok'));
    const statuses = await sendMany('127.0.0.1', port, 10_000);
    assert.ok((statuses.get(400) ?? 0) > 1000, JSON.stringify([...statuses]));
    assert.equal(await ask('GET / HTTP/1.1'), 200);
    stop();
  });
});
