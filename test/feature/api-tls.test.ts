import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../fakes/command-line.ts';
import { startTestHub } from '../fakes/hub.ts';
import { ServerCa } from '../fakes/server-pair.ts';

describe('GraphQL over TLS', () => {
  let dir = '';
  before(() => (dir = mkdtempSync(join(tmpdir(), 'isthmus-api-tls-'))));
  after(() => rmSync(dir, { recursive: true }));

  it('is served on all addresses and used by the command line with the CA; the findings are those of isthmus check', async () => {
    const ca = new ServerCa();
    const pair = ca.issue(['127.0.0.1']);
    const files = { cert: join(dir, 'tls.crt'), key: join(dir, 'tls.key') };
    writeFileSync(files.cert, pair.cert);
    writeFileSync(files.key, pair.key);
    writeFileSync(join(dir, 'ca.pem'), ca.pem);
    const hub = await startTestHub({ apiHost: '0.0.0.0', apiCertificate: files });
    try {
      assert.match(hub.url, /^https:\/\/127\.0\.0\.1:\d+\/graphql$/);
      const endpoint = JSON.parse(readFileSync(join(hub.stateDir, 'endpoint.json'), 'utf8')) as {
        url: string;
      };
      assert.equal(endpoint.url, hub.url);
      const token = join(hub.stateDir, 'admin-token');
      const flags = ['--url', hub.url, '--token-file', token, '--ca-file', join(dir, 'ca.pem')];
      const { status, out, err } = await run(['check', ...flags]);
      assert.equal(status, 10, err);
      assert.match(out, /API_CERTIFICATE_EXPIRES/);
      assert.equal((await run(['check', ...flags.slice(0, 4)])).status, 3);
    } finally {
      await hub.stop();
    }
  });

  it('is required beyond loopback, unless an operator says that something else terminates it', async () => {
    for (const apiHost of ['0.0.0.0', '::', '10.0.0.1', 'hub.example'])
      await assert.rejects(startTestHub({ apiHost }), {
        code: 'API_PLAINTEXT',
        message: /--api-cert and --api-key.*--api-plaintext/,
      });
    const hub = await startTestHub({ apiHost: '0.0.0.0', apiPlaintext: true });
    assert.match(hub.url, /^http:\/\/127\.0\.0\.1:/);
    assert.equal((await hub.ask<object>('{ viewer { name } }')).errors, undefined);
    await hub.stop();
    const local = await startTestHub({ apiHost: 'localhost' });
    await local.stop();
  });
});
