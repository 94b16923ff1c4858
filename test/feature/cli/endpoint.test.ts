import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStateDir } from '../../../sandbox/instance/state-dir.ts';
import { run } from '../../fakes/command-line.ts';
import { startTestHub, type TestHub } from '../../fakes/hub.ts';

describe('the command line and its hub', () => {
  let hub: TestHub;
  let home = '';
  before(async () => {
    hub = await startTestHub();
    home = mkdtempSync(join(tmpdir(), 'isthmus-cli-'));
  });
  after(() => {
    hub.stop();
    rmSync(home, { recursive: true });
  });

  it('takes the hub and the token from flags or from the environment', async () => {
    const tokenFile = join(hub.stateDir, 'admin-token');
    for (const flag of ['--url', '--endpoint']) {
      const flags = await run(['clusters', flag, hub.url, '--token-file', tokenFile]);
      assert.equal(flags.status, 0, flags.err);
    }
    const env = { ISTHMUS_ENDPOINT: hub.url, ISTHMUS_TOKEN: hub.token };
    assert.equal((await run(['clusters'], { env })).status, 0);
    assert.equal((await run(['clusters'], { env: { ISTHMUS_ENDPOINT: hub.url } })).status, 2);
    const both = { ISTHMUS_URL: hub.url, ISTHMUS_ENDPOINT: 'http://127.0.0.1:1', ISTHMUS_TOKEN: hub.token };
    assert.equal((await run(['clusters'], { env: both })).status, 0);
  });

  it('refuses what is said of a hub where none is named by its URL, instead of asking a sandbox', async () => {
    for (const flag of ['--token-file', '--ca-file', '--server-name']) {
      const { status, err } = await run(['clusters', flag, 'x'], { env: { XDG_STATE_HOME: home } });
      assert.equal(status, 2);
      assert.match(err, new RegExp(`${flag} is of the hub that --url names: give --url, or set ISTHMUS_URL`));
    }
  });

  it('ends with 6 when it is denied, and says where the token comes from', async () => {
    const { status, err } = await run(['clusters'], {
      env: { ISTHMUS_ENDPOINT: hub.url, ISTHMUS_TOKEN: 'wrong' },
    });
    assert.equal(status, 6);
    assert.match(err, /UNAUTHENTICATED.*--token-file, ISTHMUS_TOKEN_FILE or ISTHMUS_TOKEN/);
  });

  it('ends with 3 when nothing answers, and says why and what to look at', async () => {
    const { status, err } = await run(['clusters'], {
      env: { ISTHMUS_ENDPOINT: 'http://127.0.0.1:1/graphql', ISTHMUS_TOKEN: 'token' },
    });
    assert.equal(status, 3);
    assert.match(err, /no answer from http:\S+: .*is the hub running/);
  });

  it('ends with 3 when what answers is not a hub', async () => {
    const server: Server = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { status, err } = await run(['clusters'], { env: { ISTHMUS_ENDPOINT: url, ISTHMUS_TOKEN: 't' } });
    server.closeAllConnections();
    server.close();
    assert.equal(status, 3);
    assert.match(err, /answered 200 and no GraphQL/);
  });

  it('ends with 3 when an answer never ends, having read no more than its limit', async () => {
    const server: Server = createServer((_request, response) => {
      const part = Buffer.alloc(2 ** 20, ' ');
      const more = () => {
        while (!response.destroyed && response.write(part));
      };
      response.on('drain', more);
      more();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { status, err } = await run(['clusters'], { env: { ISTHMUS_ENDPOINT: url, ISTHMUS_TOKEN: 't' } });
    server.closeAllConnections();
    server.close();
    assert.equal(status, 3);
    assert.match(err, /its answer has more than 67108864 bytes, the limit for one/);
  });

  it('ends with 3 when nothing runs here', async () => {
    const alone = await run(['clusters'], { env: { XDG_STATE_HOME: home } });
    assert.equal(alone.status, 3);
    assert.match(alone.err, /isthmus up/);
  });

  it('finds the one instance that runs, asks which when there are two, and forgets one that has ended', async () => {
    const find = (...flags: string[]) => run(['clusters', ...flags], { env: { XDG_STATE_HOME: home } });
    const start = async () => {
      const { dir, lock } = await openStateDir(join(home, 'isthmus'), { fresh: true });
      const endpoint = { url: hub.url, tokenFile: join(hub.stateDir, 'admin-token'), lock: lock.name };
      writeFileSync(join(dir, 'endpoint.json'), JSON.stringify(endpoint));
      return lock;
    };
    const first = await start();
    assert.equal((await find()).status, 0);
    const second = await start();
    assert.equal((await find()).status, 2);
    assert.equal((await find('--instance', 'sandbox-2')).status, 0);
    first.release();
    assert.equal((await find('--instance', 'sandbox')).status, 3);
    assert.equal((await find()).status, 0);
    second.release();
  });
});
