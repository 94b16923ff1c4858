import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { OneNodeCluster } from '../fakes/one-node-cluster.ts';

interface Signing {
  readonly keyId: string;
  readonly activated: boolean;
  readonly revoked: boolean;
}

const files = { link: ['link.json'], intermediate: ['intermediate.json'] };

describe('a cluster that joins again, with a real agent and a real ztunnel', () => {
  let hub: TestHub;
  let east: OneNodeCluster;
  beforeEach(async () => {
    hub = await startTestHub();
    east = new OneNodeCluster('east', hub);
    await east.newToken();
    await east.startAgent();
    await east.startProxy();
    await until(() => east.call());
  });
  afterEach(async () => {
    await east.stop();
    hub.stop();
  });

  const state = async () => {
    const { data } = await hub.ask<{ cluster: { state: string } }>('{ cluster(name: "east") { state } }');
    return data!.cluster.state;
  };
  /** Key ids of the intermediates that may sign. */
  const signing = async (): Promise<readonly string[]> => {
    const { data } = await hub.ask<{ trustDomains: { nodes: { intermediates: Signing[] }[] } }>(
      '{ trustDomains { nodes { intermediates { keyId activated revoked } } } }',
    );
    const all = data!.trustDomains.nodes.flatMap(({ intermediates }) => intermediates);
    return all.filter(({ activated, revoked }) => activated && !revoked).map(({ keyId }) => keyId);
  };
  const mutate = (name: string) =>
    hub.ask(`mutation { ${name}(input: { cluster: "east" }) { userErrors { message } } }`);

  const removed: Record<string, readonly string[]> = {
    'its link identity is removed': files.link,
    'its intermediate is removed': files.intermediate,
    'both are removed': [...files.link, ...files.intermediate],
    'everything is as it was': [],
  };
  for (const [what, names] of Object.entries(removed)) {
    it(`works after a revocation and a new token where ${what}`, async () => {
      await mutate('revokeCluster');
      const before = await signing();
      await east.stopAgent();
      for (const name of names) {
        assert.ok(existsSync(east.path(name)));
        rmSync(east.path(name));
      }
      await east.newToken();
      await east.startAgent();
      await until(async () => (await signing()).some((keyId) => !before.includes(keyId)));
      await until(() => east.call());
      await until(async () => (await state()) === 'ACTIVE');
    });

    it(`works on as a member that gets a new token where ${what}`, async () => {
      const { cluster: before } = (
        await hub.ask<{ cluster: { joinedAt: string } }>('{ cluster(name: "east") { joinedAt } }')
      ).data!;
      await east.stopAgent();
      for (const name of names) rmSync(east.path(name));
      await east.newToken();
      await east.startAgent();
      await until(() => east.call());
      await until(async () => (await state()) === 'ACTIVE');
      const { cluster: after } = (
        await hub.ask<{ cluster: { joinedAt: string } }>('{ cluster(name: "east") { joinedAt } }')
      ).data!;
      assert.notEqual(after.joinedAt, before.joinedAt, 'the new token was used');
      await until(() => existsSync(east.path('intermediate.json')));
    });
  }

  it('says why a new token was not used, and goes on as the member that it is', async () => {
    await east.stopAgent();
    await east.newToken();
    await mutate('removeCluster');
    hub.stop();
    await east.startAgent();
    const line = east.logged.find(({ message }) => String(message).includes('token was not used'));
    assert.match(String(line?.['error']), /no TLS connection to the hub/);
    await until(() => east.call());
    hub = await startTestHub();
  });
});
