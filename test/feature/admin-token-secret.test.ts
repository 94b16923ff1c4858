import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secrets } from '@isthmus/api/kube/resources.ts';
import { until } from '../fakes/agent.ts';
import { FakeApiServer } from '../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../fakes/clock.ts';
import { startTestHub } from '../fakes/hub.ts';

const place = { namespace: 'isthmus-system', name: 'isthmus-admin-token' };

describe('a hub whose admin token is in a Secret', () => {
  const server = new FakeApiServer([secrets]);
  const tokenThere = () => {
    const found = server.find(secrets, place.namespace, place.name) as
      { data?: { token?: string } } | undefined;
    return Buffer.from(found?.data?.token ?? '', 'base64').toString();
  };
  let stateDir = '';
  before(() => (stateDir = mkdtempSync(join(tmpdir(), 'isthmus-token-secret-'))));
  after(() => rmSync(stateDir, { recursive: true }));
  const start = (more: object = {}) =>
    startTestHub({ adminTokenSecret: { ...place, server }, stateDir, store: 'sqlite', ...more });
  const statusWith = async (url: string, token: string): Promise<number> => {
    const response = await fetch(url, {
      method: 'POST',
      body: JSON.stringify({ query: '{ viewer { name } }' }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    });
    await response.text();
    return response.status;
  };

  it('lets in the token of the Secret, has it in no file, and goes on with it after a restart without the API', async () => {
    writeFileSync(join(stateDir, 'admin-token'), '');
    const hub = await start();
    await until(() => tokenThere() !== '');
    const token = tokenThere();
    assert.equal(await statusWith(hub.url, token), 200);
    assert.ok(!existsSync(join(stateDir, 'admin-token')));
    await hub.stop();
    server.before = () => 'HANG';
    const again = await start();
    assert.equal(await statusWith(again.url, token), 200);
    await again.stop();
    server.before = () => undefined;
  });

  it('lets in the token that a person puts there, and no longer the one before, also after a restart', async () => {
    const clock = new FakeClock(Date.now());
    const hub = await start({ clock });
    const before = tokenThere();
    assert.equal(await statusWith(hub.url, before), 200);
    const subscription = await fetch(hub.url, {
      method: 'POST',
      body: JSON.stringify({ query: 'subscription { clusterChanged { name } }' }),
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${before}`,
      },
    });
    assert.equal(subscription.status, 200);
    const mine = 'a-token-that-a-person-has-written-into-it';
    server.put(secrets, { metadata: place, data: { token: Buffer.from(mine).toString('base64') } });
    await clock.advance(31_000);
    await until(() => statusWith(hub.url, mine).then((status) => status === 200));
    assert.equal(await statusWith(hub.url, before), 401);
    await assert.rejects(subscription.text());
    await hub.stop();
    server.before = () => 'HANG';
    const again = await start();
    assert.equal(await statusWith(again.url, mine), 200);
    assert.equal(await statusWith(again.url, before), 401);
    await again.stop();
  });
});
