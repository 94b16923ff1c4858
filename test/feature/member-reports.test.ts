import assert from 'node:assert/strict';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { aGateway, aService, TestAgent, until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

interface Shown {
  readonly clusters: {
    readonly nodes: readonly {
      readonly name: string;
      readonly state: string;
      readonly proxiesConnected: number;
      readonly conditions: readonly { readonly reason: string; readonly message: string }[];
    }[];
  };
  readonly services: { readonly nodes: readonly { readonly name: string }[] };
}

const everything = `{
  clusters(first: 10) { nodes { name state proxiesConnected conditions { reason message } } }
  services(first: 100) { nodes { name } }
}`;

/** A real hub, an honest cluster, and a member whose agent reports what it likes. */
describe('a member that reports what it must not', () => {
  let hub: TestHub;
  let honest: TestAgent;
  let member: TestAgent;
  const agents: TestAgent[] = [];

  const joined = async (cluster: string, last: number) => {
    const one = new TestAgent(cluster, `127.${hub.octet}.16.${last}`);
    agents.push(one);
    return one.join(hub);
  };
  const shown = async () => {
    const { data, errors } = await hub.ask<Shown>(everything);
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data!;
  };
  const conditionOf = (cluster: string, reason: string) => async () =>
    (await shown()).clusters.nodes
      .find(({ name }) => name === cluster)
      ?.conditions.find((one) => one.reason === reason);
  const start = async (limits = defaultLimits) => {
    hub = await startTestHub({ limits });
    honest = (await joined('east', 1)).service('cart').gateway().connect();
    member = await joined('west', 2);
  };
  const remotes = () => honest.hubStore.view.remotes;
  afterEach(() => {
    for (const agent of agents.splice(0)) agent.end();
    hub.stop();
  });

  it('numbers above 31 bits: both clusters are shown, and what cannot be read is named', async () => {
    await start();
    member.service('cart').connect();
    const groups = [
      { region: 'r', zone: 'z', transport: 'hbone' as const, total: 4_294_967_295, healthy: 0 },
    ];
    member.health = [...member.health, { namespace: 'shop', name: 'odd', groups }];
    member.link!.healthChanged();
    const condition = await until(conditionOf('west', 'REPORT_REJECTED'));
    assert.match(
      condition.message,
      /health shop\/odd: groups\[0\]\.total: 4294967295 is more than 2147483647/,
    );
    await until(async () => (await shown()).clusters.nodes.every(({ state }) => state === 'ACTIVE'));
  });

  it('the gateway of another network: its own cluster keeps it, and the member has a condition', async () => {
    await start();
    const third = (await joined('south', 3)).connect();
    await until(() => third.hubStore.view.remotes.get('east/shop/cart')?.gateways.length === 1);
    member.service('cart').gateway({ network: 'network-east', address: '127.9.66.6' }).connect();
    await until(conditionOf('west', 'NETWORK_NOT_ADMITTED'));
    await until(() => third.hubStore.view.remotes.has('west/shop/cart'));
    assert.deepEqual(third.hubStore.view.remotes.get('west/shop/cart')?.gateways, []);
    assert.deepEqual(
      third.hubStore.view.remotes.get('east/shop/cart')?.gateways.map(({ address }) => address),
      [aGateway('east').address],
    );
  });

  it('names that are lines of an environment file, and identities of another namespace: no other cluster receives them', async () => {
    await start();
    const body = (over: object) => wire.serviceReport.encode({ ...aService('cart'), ...over });
    member.report('service', 'shop/evil', body({ name: 'evil\nLD_PRELOAD=/x' }));
    member.report('service', 'shop/CART', body({ name: 'CART' }));
    const vault = ['spiffe://cluster.local/ns/bank/sa/vault'];
    member.report('service', 'shop/vault', body({ name: 'vault', subjectAltNames: vault }));
    member.report('service', 'shop/cart', body({ name: 'orders' }));
    member.service('good').gateway().connect();
    await until(() => remotes().has('west/shop/good'));
    assert.deepEqual([...remotes().keys()], ['west/shop/good']);
    const condition = await until(conditionOf('west', 'REPORT_REJECTED'));
    assert.match(condition.message, /^the hub rejected 4 malformed reports of this cluster/);
  });

  it('more than its limit: the first are taken, the others named, and taken once there is room', async () => {
    await start({ ...defaultLimits, services: 2 });
    for (const name of ['a', 'b', 'c']) member.service(name);
    member.connect();
    const condition = await until(conditionOf('west', 'REPORT_OVER_LIMIT'));
    assert.match(
      condition.message,
      /service shop\/c: it would be 3 services of this cluster, and 2 are allowed/,
    );
    assert.deepEqual(
      (await shown()).services.nodes.map(({ name }) => name),
      ['a', 'b', 'cart'],
    );
    member.report('service', 'shop/a', undefined);
    member.service('c', { hostname: 'again.shop.svc.cluster.local' });
    await until(async () => (await conditionOf('west', 'REPORT_OVER_LIMIT')()) === undefined);
  });
});
