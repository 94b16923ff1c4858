import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../fakes/command-line.ts';
import { startTestHub, type TestHub } from '../../fakes/hub.ts';

describe('the command line and its hub', () => {
  let hub: TestHub;
  let home = '';
  before(async () => {
    hub = await startTestHub(242);
    home = mkdtempSync(join(tmpdir(), 'isthmus-cli-'));
  });
  after(() => {
    hub.stop();
    rmSync(home, { recursive: true });
  });

  it('takes the hub and the token from flags or from the environment', async () => {
    const tokenFile = join(hub.stateDir, 'admin-token');
    const flags = await run(['clusters', '--endpoint', hub.url, '--token-file', tokenFile]);
    assert.equal(flags.status, 0, flags.err);
    const env = { ISTHMUS_ENDPOINT: hub.url, ISTHMUS_TOKEN: hub.token };
    assert.equal((await run(['clusters'], { env })).status, 0);
    assert.equal((await run(['clusters'], { env: { ISTHMUS_ENDPOINT: hub.url } })).status, 2);
  });

  it('ends with 6 when it is denied, and says where the token comes from', async () => {
    const { status, err } = await run(['clusters'], {
      env: { ISTHMUS_ENDPOINT: hub.url, ISTHMUS_TOKEN: 'wrong' },
    });
    assert.equal(status, 6);
    assert.match(err, /UNAUTHENTICATED.*--token-file or ISTHMUS_TOKEN/);
  });

  it('ends with 3 when nothing answers, and says why and what to look at', async () => {
    const { status, err } = await run(['clusters'], {
      env: { ISTHMUS_ENDPOINT: 'http://127.0.0.1:1/graphql', ISTHMUS_TOKEN: 'token' },
    });
    assert.equal(status, 3);
    assert.match(err, /no answer from http:\S+: .*is the hub running/);
  });

  it('ends with 3 when what answers is no hub', async () => {
    const server: Server = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { status, err } = await run(['clusters'], { env: { ISTHMUS_ENDPOINT: url, ISTHMUS_TOKEN: 't' } });
    server.closeAllConnections();
    server.close();
    assert.equal(status, 3);
    assert.match(err, /answered 200 and no GraphQL/);
  });

  it('ends with 3 when nothing runs here', async () => {
    const alone = await run(['clusters'], { env: { XDG_STATE_HOME: home } });
    assert.equal(alone.status, 3);
    assert.match(alone.err, /isthmus up/);
  });

  it('finds the one instance that runs, and asks which when there are two', async () => {
    const endpoint = JSON.stringify({
      url: hub.url,
      tokenFile: join(hub.stateDir, 'admin-token'),
      pid: process.pid,
    });
    const env = { XDG_STATE_HOME: home };
    for (const name of ['sandbox', 'sandbox-2']) {
      mkdirSync(join(home, 'isthmus', name), { recursive: true });
      writeFileSync(join(home, 'isthmus', name, 'endpoint.json'), endpoint);
      const found = await run(['clusters'], { env });
      assert.equal(found.status, name === 'sandbox' ? 0 : 2, found.err);
    }
    assert.equal((await run(['clusters', '--instance', 'sandbox'], { env })).status, 0);
  });
});
