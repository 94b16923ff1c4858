import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { healthServer, type Check } from '@isthmus/mesh/http/health-pages.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';

describe('health pages', () => {
  let server: Server;
  let checks: readonly Check[] = [];
  beforeEach(async () => {
    const metrics = () => Promise.resolve({ text: 'up 1\n', contentType: 'text/plain; version=0.0.4' });
    server = healthServer({ readiness: () => checks, metrics }, silentLog);
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(() => server.close());

  const ask = (path: string, { method = 'GET', host = '127.0.0.1' } = {}) =>
    new Promise<{ status: number; text: string; type: string }>((resolve, reject) => {
      const { port } = server.address() as AddressInfo;
      const headers = { host: `${host}:${port}`, connection: 'close' };
      request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        const { statusCode: status = 0 } = response;
        response.on('end', () => resolve({ status, text, type: response.headers['content-type'] ?? '' }));
      })
        .on('error', reject)
        .end();
    });
  const fine = { name: 'store', problem: undefined };
  const broken = { name: 'fence', problem: 'another hub has taken epoch 4' };

  it('say ready in one line, and every check when asked to be verbose', async () => {
    checks = [fine];
    assert.deepEqual(await ask('/readyz').then(({ status, text }) => [status, text]), [200, 'ok\n']);
    assert.equal((await ask('/readyz?verbose')).text, '[+]store ok\nreadyz check passed\n');
  });

  it('say not ready with the reasons, verbose or not', async () => {
    checks = [fine, broken];
    for (const path of ['/readyz', '/readyz?verbose'])
      assert.deepEqual(await ask(path).then(({ status, text }) => [status, text]), [
        503,
        '[+]store ok\n[-]fence failed: another hub has taken epoch 4\nreadyz check failed\n',
      ]);
  });

  it('say ready, with what is degraded, verbose or not', async () => {
    checks = [{ ...fine, degraded: ['gateways are not read', 'exports are not read'] }];
    for (const path of ['/readyz', '/readyz?verbose'])
      assert.deepEqual(await ask(path).then(({ status, text }) => [status, text]), [
        200,
        '[+]store ok\n[!]store degraded: gateways are not read\n[!]store degraded: exports are not read\nreadyz check passed\n',
      ]);
  });

  it('say alive whatever is broken', async () => {
    checks = [broken];
    for (const path of ['/livez', '/healthz']) assert.equal((await ask(path)).status, 200);
    assert.equal((await ask('/livez?verbose')).text, '[+]ping ok\nlivez check passed\n');
  });

  it('have metrics in their own format, and nothing elsewhere or by another method', async () => {
    assert.deepEqual(await ask('/metrics'), {
      status: 200,
      text: 'up 1\n',
      type: 'text/plain; version=0.0.4',
    });
    assert.equal((await ask('/metrics/')).status, 404);
    assert.equal((await ask('/readyz', { method: 'POST' })).status, 405);
  });

  it('refuse a Host that is a name, as a page that rebinds its name sends it', async () => {
    assert.equal((await ask('/metrics', { host: 'rebound.example' })).status, 403);
    assert.equal((await ask('/metrics', { host: 'localhost' })).status, 200);
  });
});
