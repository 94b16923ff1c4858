import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlain } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { run } from '../../fakes/command-line.ts';
import { ServerCa } from '../../fakes/server-pair.ts';

const page = JSON.stringify({ data: { list: { nodes: [], pageInfo: { hasNextPage: false } } } });

describe('the command line and a hub that serves TLS', () => {
  const ca = new ServerCa();
  const servers: Server[] = [];
  let dir = '';
  let caFile = '';
  let tokenFile = '';
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-cli-tls-'));
    caFile = file('ca.pem', ca.pem);
    tokenFile = file('token', 'secret-token\n');
  });
  after(() => {
    for (const server of servers) server.close();
    rmSync(dir, { recursive: true });
  });
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const listen = async (server: Server, scheme: string): Promise<string> => {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const asked: (string | undefined)[] = [];
  const serve = (pair = ca.issue(['127.0.0.1'])) =>
    listen(
      createServer(pair, (request, response) => {
        asked.push(`${request.url} ${request.headers.authorization}`);
        response.end(page);
      }),
      'https',
    );

  it('is verified by the CA that a flag names, and reached at /graphql where the URL has no path', async () => {
    const url = await serve();
    const ended = await run(['clusters', '--url', url, '--token-file', tokenFile, '--ca-file', caFile]);
    assert.equal(ended.status, 0, ended.err);
    assert.deepEqual(asked.splice(0), ['/graphql Bearer secret-token']);
  });

  it('is found by the environment, and a flag is before it', async () => {
    const env = { ISTHMUS_URL: await serve(), ISTHMUS_TOKEN_FILE: tokenFile, ISTHMUS_CA_FILE: caFile };
    assert.equal((await run(['clusters'], { env })).status, 0);
    const other = file('other-token', 'other');
    asked.splice(0);
    assert.equal((await run(['clusters', '--token-file', other], { env })).status, 0);
    assert.deepEqual(asked.splice(0), ['/graphql Bearer other']);
    assert.equal((await run(['clusters', '--url', 'https://127.0.0.1:1'], { env })).status, 3);
  });

  it('gets no token when its certificate is not trusted, and the remedy names the CA', async () => {
    const url = await serve();
    asked.splice(0);
    const base = ['clusters', '--url', url, '--token-file', tokenFile];
    const without = await run(base);
    assert.equal(without.status, 3);
    assert.match(
      without.err,
      /the certificate of 127\.0\.0\.1:\d+ is not trusted .*--ca-file or ISTHMUS_CA_FILE/,
    );
    const wrong = await run([...base, '--ca-file', file('wrong.pem', new ServerCa().pem)]);
    assert.equal(wrong.status, 3);
    assert.match(wrong.err, /was not issued by the CA of --ca-file/);
    assert.deepEqual(asked, []);
  });

  it('may have another name than the URL where a flag or the environment names it', async () => {
    const url = await serve(ca.issue(['isthmus-hub.isthmus-system.svc']));
    const base = ['clusters', '--url', url, '--token-file', tokenFile, '--ca-file', caFile];
    const named = await run([...base, '--server-name', 'isthmus-hub.isthmus-system.svc']);
    assert.equal(named.status, 0, named.err);
    const env = { ISTHMUS_SERVER_NAME: 'isthmus-hub.isthmus-system.svc' };
    assert.equal((await run(base, { env })).status, 0);
    asked.splice(0);
    const other = await run([...base, '--server-name', 'other.isthmus-system.svc']);
    assert.equal(other.status, 3);
    assert.match(other.err, /does not name other\.isthmus-system\.svc/);
    assert.deepEqual(asked, []);
  });

  it('gets no token when its certificate has another name, or is past its time', async () => {
    asked.splice(0);
    const ask = async (pair: ReturnType<ServerCa['issue']>) =>
      run(['clusters', '--url', await serve(pair), '--token-file', tokenFile, '--ca-file', caFile]);
    const named = await ask(ca.issue(['hub.example']));
    assert.equal(named.status, 3);
    assert.match(named.err, /does not name 127\.0\.0\.1 .*use a name or address that it has/);
    const expired = await ask(ca.issue(['127.0.0.1'], Date.now() - 1.5 * day));
    assert.equal(expired.status, 3);
    assert.match(expired.err, /has expired: have the hub serve a new one/);
    assert.deepEqual(asked, []);
  });

  it('says which of http and https was meant', async () => {
    const plain = await listen(
      createPlain((_request, response) => response.end(page)),
      'http',
    );
    const wantsTls = await run([
      'clusters',
      '--url',
      plain.replace('http:', 'https:'),
      '--token-file',
      tokenFile,
    ]);
    assert.equal(wantsTls.status, 3);
    assert.match(wantsTls.err, /does not speak TLS; begin the URL with http:/);
    const url = (await serve()).replace('https:', 'http:');
    const wantsPlain = await run(['clusters', '--url', url, '--token-file', tokenFile]);
    assert.equal(wantsPlain.status, 3);
    assert.match(wantsPlain.err, /does it serve https/);
  });

  it('warns of a token that would leave the machine unencrypted', async () => {
    const ended = await run(['clusters', '--url', 'http://hub.invalid', '--token-file', tokenFile]);
    assert.match(ended.err, /the token goes to http:\/\/hub\.invalid without TLS.*use https/);
    const local = await run(['clusters', '--url', 'http://localhost:1', '--token-file', tokenFile]);
    assert.ok(!local.err.includes('without TLS'), local.err);
  });

  it('says what a file lacks before anything is sent', async () => {
    const url = 'https://127.0.0.1:1';
    const noPem = await run(['clusters', '--url', url, '--token-file', tokenFile, '--ca-file', tokenFile]);
    assert.equal(noPem.status, 2);
    assert.match(noPem.err, /--ca-file: \S+ has no certificate in PEM/);
    assert.ok(!noPem.err.includes('secret-token'));
    const env = { ISTHMUS_URL: url, ISTHMUS_TOKEN_FILE: '/nowhere' };
    const noToken = await run(['clusters'], { env });
    assert.equal(noToken.status, 2);
    assert.match(noToken.err, /ISTHMUS_TOKEN_FILE: \/nowhere cannot be read \(ENOENT\).*create it/);
    const none = await run(['clusters'], { env: { ISTHMUS_URL: url } });
    assert.equal(none.status, 2);
    assert.match(none.err, /--token-file, or set ISTHMUS_TOKEN_FILE/);
  });

  it('says that nothing listens there, and that a name is not known', async () => {
    const refused = await run(['clusters', '--url', 'https://127.0.0.1:1', '--token-file', tokenFile]);
    assert.equal(refused.status, 3);
    assert.match(refused.err, /connection refused; is the hub running there\?.*kubectl port-forward/);
    const unknown = await run(['clusters', '--url', 'https://hub.invalid', '--token-file', tokenFile]);
    assert.equal(unknown.status, 3);
    assert.match(unknown.err, /the name hub\.invalid cannot be resolved here/);
  });
});
