import assert from 'node:assert/strict';
import { until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { joinMember } from '../fakes/member.ts';
import { ReplicatedAgent } from '../fakes/replicated-agent.ts';

const pay = 'shop/pay.shop.svc.cluster.local';

describe('two replicas of an agent that serve one cluster', () => {
  let hub: TestHub;
  let isStopped = false;
  let east: ReplicatedAgent;
  let west: { stop(): void } | undefined;

  beforeEach(async () => {
    isStopped = false;
    hub = await startTestHub();
    const mutation = 'mutation { result: createJoinToken(input: { cluster: "east" }) { token } }';
    const { token } = (await ask<{ result: { token: string } }>(mutation)).result;
    east = new ReplicatedAgent(`127.${hub.octet}.16`, token);
  });
  afterEach(async () => {
    west?.stop();
    west = undefined;
    await east.end();
    await stopHub();
  });

  /** It may have been stopped before. */
  const stopHub = async () => {
    if (isStopped) return;
    isStopped = true;
    await hub.stop();
  };
  const ask = async <T>(query: string) => (await hub.ask<T>(query)).data!;
  const roles = async () =>
    (
      await ask<{ cluster: { replicas: { id: string; role: string }[] } }>(
        '{ cluster(name: "east") { replicas { id role } } }',
      )
    ).cluster.replicas
      .map(({ id, role }) => `${id} ${role}`)
      .join();
  const status = async () => {
    const query = '{ policy(name: "p") { status { cluster state message proxies } } }';
    interface Status {
      cluster: string;
      state: string;
      message: string;
      proxies: number;
    }
    const { policy } = await ask<{ policy: { status: Status[] } | null }>(query);
    return policy?.status.find(({ cluster }) => cluster === 'east');
  };
  /** Healthy endpoints of the cart in east, as the hub has them. */
  const healthy = async () => {
    const query = '{ services(first: 10) { nodes { name clusters { cluster total healthy } } } }';
    interface Shown {
      services: {
        nodes: { name: string; clusters: { cluster: string; total: number; healthy: number }[] }[];
      };
    }
    const cart = (await ask<Shown>(query)).services.nodes.find(({ name }) => name === 'cart');
    return cart?.clusters.find(({ cluster }) => cluster === 'east')?.healthy;
  };
  const deny = (port: number) =>
    ask(
      `mutation { applyPolicy(input: { policy: { access: { name: "p", effect: DENY,
        target: { namespace: "shop", labels: [{ key: "app", value: "cart" }] }, rules: [{ ports: [${port}] }] } } })
        { userErrors { message } } }`,
    );
  /** Two replicas, of which the first leads, and a ztunnel at each. */
  const start = async () => {
    const a = await east.start('agent-a');
    a.lead();
    await until(() => a.parts.issuer.currentKeyId !== undefined && a.parts.hub.complete);
    // It acknowledges nothing: east has its intermediate before.
    west = await joinMember(hub, {
      cluster: 'west',
      region: 'r',
      address: `127.${hub.octet}.32.1`,
      services: [{ name: 'pay', exported: true, healthy: 1 }],
      workloads: [],
    });
    const b = await east.start('agent-b');
    await until(async () => (await roles()) === 'agent-a LEADER,agent-b FOLLOWER');
    await until(() => b.parts.issuer.currentKeyId !== undefined && b.parts.hub.complete);
    const [one, two] = [await a.connect(1), await b.connect(2)];
    await until(async () => (await healthy()) === 2);
    return { a, b, one, two };
  };

  it('report the health of the proxies of both, and a policy as applied once both have acknowledged it', async () => {
    const { a, two } = await start();
    const { proxies } = await ask<{ proxies: { edges: { node: { pod: string } }[] } }>(
      '{ proxies(cluster: "east") { edges { node { pod } } } }',
    );
    assert.deepEqual(
      proxies.edges.map(({ node }) => node.pod),
      ['ztunnel-1', 'ztunnel-2'],
    );
    await deny(80);
    const { authorization } = await until(() => a.parts.hub.view.policies.get('p'));
    await until(async () => (await status())?.state === 'APPLIED');
    two.refuse.set(authorization.key, 'it is not liked');
    await deny(81);
    const refused = await until(async () => {
      const now = await status();
      return now?.state === 'REJECTED' && now;
    });
    assert.match(refused.message, /ztunnel-2.*it is not liked/);
    two.refuse.clear();
    await deny(82);
    await until(async () => {
      const now = await status();
      return now?.state === 'APPLIED' && now.proxies === 2;
    });
  });

  it('write into the status of the cluster’s own policies what the proxies of both have acknowledged, and no more', async () => {
    const { a, b, one, two } = await start();
    const seen = new Set<string | undefined>();
    const enforced = () => east.condition('own', 'isthmus.io/Enforced');
    const is = (shown: string) =>
      until(() => {
        const now = enforced();
        seen.add(now?.shown);
        return now?.shown === shown && now;
      });
    const denied = (port: string) => ({
      action: 'DENY',
      rules: [{ to: [{ operation: { ports: [port] } }] }],
    });
    two.refuse.set('shop/own', 'it is not liked');
    east.putPolicy('own', 1, denied('80'));
    assert.match((await is('False RefusedByProxy')).message, /ztunnel-2.*it is not liked/);
    assert.equal(seen.has('True Enforced'), false);
    two.refuse.clear();
    east.putPolicy('own', 2, denied('81'));
    await is('True Enforced');
    seen.clear();
    // What its proxies hold is not known while they look for another replica, nor to one that has just begun to lead.
    a.kill();
    await one.stop();
    b.lead();
    assert.match((await is('Unknown ProxyNotConnected')).message, /for 1 of 2 workloads: shop\/cart-1/);
    await b.connect(1);
    await is('True Enforced');
    assert.deepEqual([...seen], ['True Enforced', 'Unknown ProxyNotConnected']);
  });

  it('take nothing away when the leader is killed, and the other one leads and serves the same', async () => {
    const { a, b, one, two } = await start();
    await deny(80);
    await until(async () => (await status())?.state === 'APPLIED');
    await until(() => one.service(pay) !== undefined && two.service(pay) !== undefined);
    const before = one.service(pay);
    const seen = new Set<number | undefined>();
    await one.stop();
    a.kill();
    b.lead();
    await until(async () => {
      seen.add(await healthy());
      return (await roles()) === 'agent-b LEADER';
    });
    const next = await b.connect(1);
    await until(async () => {
      seen.add(await healthy());
      return next.service(pay) !== undefined && b.parts.xds.connected === 2;
    });
    await until(async () => {
      seen.add(await healthy());
      const now = await status();
      return now?.state === 'APPLIED' && now.proxies === 2;
    });
    assert.deepEqual([...seen], [2]);
    assert.deepEqual(next.service(pay), before);
  });

  it('without a hub a new one has what the hub had sent from the other one, though its volume is empty', async () => {
    const { a, b, one } = await start();
    await until(() => one.service(pay) !== undefined);
    const before = one.service(pay);
    west?.stop();
    west = undefined;
    await stopHub();
    await one.stop();
    a.kill();
    b.lead();
    const successor = await east.start('agent-c');
    await until(() => successor.parts.hub.complete);
    const proxy = await successor.connect(1);
    await until(() => proxy.service(pay) !== undefined);
    assert.deepEqual(proxy.service(pay), before);
    await until(() => b.parts.xds.connected === 2);
  });
});
