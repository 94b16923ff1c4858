import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { claimBlock, type Claim } from '../../sandbox/instance/claim.ts';
import { TestAgent, until } from '../fakes/agent.ts';
import { HubProcess } from '../fakes/hub-process.ts';
import { SmallDisk } from '../fakes/small-disk.ts';

interface Answer<T> {
  readonly data?: T;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

describe('a hub whose disk is full, as a process', () => {
  let disk: SmallDisk | undefined;
  let claim: Claim;
  let hub: HubProcess;
  let east: TestAgent;
  before(async function () {
    disk = SmallDisk.mount(8192);
    if (!disk) return this.skip();
    claim = await claimBlock({ first: 150, table: () => [] });
    hub = await start();
    east = (await new TestAgent('east', `127.${claim.octet}.16.1`).join({ ask })).service('cart').connect();
    assert.equal((await deny('stays')).errors, undefined);
    await until(() => held().includes('stays'));
  });
  after(async () => {
    if (!disk) return;
    east.end();
    await hub.kill();
    claim.release();
    disk.unmount();
  });

  const stateDir = () => disk!.folder;
  const start = () => new HubProcess(stateDir(), claim.octet).ready();
  const endpoint = () =>
    JSON.parse(readFileSync(join(stateDir(), 'endpoint.json'), 'utf8')) as {
      url: string;
      adminUrl: string;
      tokenFile: string;
    };
  async function ask<T>(query: string): Promise<Answer<T>> {
    const { url, tokenFile } = endpoint();
    const headers = {
      ['content-type']: 'application/json',
      authorization: `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`,
    };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) });
    return (await answer.json()) as Answer<T>;
  }
  const readyz = async () => {
    const answer = await fetch(`${endpoint().adminUrl}/readyz`);
    return { status: answer.status, text: await answer.text() };
  };
  const deny = (name: string) =>
    ask<{ result: { userErrors: object[] } }>(
      `mutation { result: applyPolicy(input: { idempotencyKey: "of-${name}", policy: { access: {
         name: "${name}", effect: DENY, target: { namespace: "shop" }, rules: [{ ports: [81] }] } } }) { userErrors { message } } }`,
    );
  /** What the agent has of the hub. */
  const held = () => [...east.hubStore.view.policies.keys()].map((name) => name.split('/').at(-1) ?? '');
  const stored = async () => {
    const { data } = await ask<{ policies: { nodes: { name: string }[] } }>(
      '{ policies(first: 100) { nodes { name } } }',
    );
    return data!.policies.nodes.map(({ name }) => name).sort();
  };
  const services = async () => {
    const { data } = await ask<{ services: { nodes: { name: string }[] } }>(
      '{ services(first: 100) { nodes { name } } }',
    );
    return data!.services.nodes.map(({ name }) => name).sort();
  };
  const findings = async () => {
    const query = '{ insights(first: 100) { nodes { reason message remedy } } }';
    type Found = { insights: { nodes: { reason: string; message: string; remedy: string }[] } };
    return (await ask<Found>(query)).data!.insights.nodes;
  };
  const audited = async () => {
    const query = '{ auditLog(first: 100, filter: { action: "applyPolicy" }) { nodes { subject outcome } } }';
    type Found = { auditLog: { nodes: { subject: string; outcome: string }[] } };
    return (await ask<Found>(query)).data!.auditLog.nodes.map(
      ({ subject, outcome }) => `${outcome} ${subject}`,
    );
  };

  it('refuses what it cannot store, changes nothing by halves, and says why', async () => {
    disk?.fill();
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map(deny));
    for (const { errors } of answers) {
      assert.equal(errors?.[0]?.extensions?.code, 'STORE_FAILED');
      assert.match(
        errors[0].message,
        /hub\.db cannot be written: database or disk is full; nothing was changed: make room on the disk/,
      );
    }
    const { status, text } = await readyz();
    assert.equal(status, 200, text);
    assert.match(
      text,
      /^\[!\]store degraded: \S+hub\.db cannot be written: .*make room.*tries again each second$/m,
    );
    const found = (await findings()).find(({ reason }) => reason === 'HUB_DEGRADED');
    assert.match(found?.message ?? '', /hub\.db cannot be written/);
    assert.match(found?.remedy ?? '', /free the disk/);
  });

  it('goes on with what it has: answers, links and what clusters report', async () => {
    assert.deepEqual(await stored(), ['stays']);
    assert.ok(east.link?.connected);
    assert.deepEqual(held(), ['stays']);
    east.service('pay');
    await until(async () => (await services()).includes('pay'));
    assert.equal((await deny('e')).errors?.[0]?.extensions?.code, 'STORE_FAILED');
    assert.equal(hub.child.exitCode, null);
  });

  it('stores again once there is room, also under the key of what was refused', async () => {
    disk?.free();
    await until(async () => (await readyz()).text === 'ok\n');
    assert.ok((await findings()).every(({ reason }) => reason !== 'HUB_DEGRADED'));
    for (const name of ['a', 'b']) assert.equal((await deny(name)).errors, undefined);
    await until(() => held().length === 3);
    assert.deepEqual(held().sort(), ['a', 'b', 'stays']);
    assert.deepEqual(await stored(), ['a', 'b', 'stays']);
    assert.deepEqual((await audited()).slice(0, 3), ['DONE policy/b', 'DONE policy/a', 'DONE policy/stays']);
  });

  it('has all of it after it was killed, also what clusters reported meanwhile', async () => {
    east.disconnect();
    await hub.kill();
    hub = await start();
    assert.deepEqual(await stored(), ['a', 'b', 'stays']);
    assert.deepEqual(await services(), ['cart', 'pay']);
    assert.deepEqual((await audited()).slice(0, 3), ['DONE policy/b', 'DONE policy/a', 'DONE policy/stays']);
    assert.equal((await deny('c')).errors, undefined);
  });
});
