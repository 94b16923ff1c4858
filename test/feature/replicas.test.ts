import assert from 'node:assert/strict';
import * as wire from '@isthmus/api/wire/link.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { generateKey } from '@isthmus/mesh/pki/key.ts';
import { TestAgent, until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

interface ReplicaShown {
  readonly id: string;
  readonly role: string;
  readonly agentVersion: string;
}

describe('the links of several replicas of one agent', () => {
  let hub: TestHub;
  let first: TestAgent;
  let second: TestAgent;
  const agents: TestAgent[] = [];

  beforeEach(async () => {
    hub = await startTestHub();
    first = await agent('east', 1);
    first.replica = { id: 'agent-a', leads: true };
    second = first.beside('agent-b', false, `127.${hub.octet}.16.2`);
    agents.push(second);
  });
  afterEach(() => {
    for (const one of agents.splice(0)) one.end();
    hub.stop();
  });

  const agent = async (cluster: string, last: number): Promise<TestAgent> => {
    const one = new TestAgent(cluster, `127.${hub.octet}.16.${last}`);
    agents.push(one);
    return one.join(hub);
  };
  const ask = async <T>(query: string) => (await hub.ask<T>(query)).data!;
  const look = async (cluster = 'east') =>
    (
      await ask<{ cluster: { state: string; replicas: ReplicaShown[] } }>(
        `{ cluster(name: "${cluster}") { state replicas { id role agentVersion } } }`,
      )
    ).cluster;
  const shown = async () => (await look()).replicas.map(({ id, role }) => `${id} ${role}`).join();
  const isShown = (what: string) => until(async () => (await shown()) === what);
  const services = async () =>
    (await ask<{ services: { nodes: { name: string }[] } }>('{ services { nodes { name } } }')).services.nodes
      .map(({ name }) => name)
      .join();
  const isActive = (cluster: string) => until(async () => (await look(cluster)).state === 'ACTIVE');
  const both = async () => {
    first.service('cart').connect();
    await isActive('east');
    second.service('other').connect();
    await isShown('agent-a LEADER,agent-b FOLLOWER');
  };
  /** What an agent says of a resource that it holds. */
  const applies = (one: TestAgent, type: 'intermediate' | 'diversion', name: string) => {
    const version = one.hubStore.version(type, name) ?? '';
    const said = { subject: `${type}/${name}`, version, state: 'APPLIED' as const, message: '', proxies: 1 };
    one.report('applied', said.subject, wire.appliedReport.encode(said));
  };

  it('stand beside each other, and reports, health and answers are taken from the leader alone', async () => {
    const asked: string[] = [];
    for (const one of [first, second])
      one.answer = () => {
        asked.push(one.replica.id);
        return Promise.resolve({ kind: 'workloads', workloads: [], total: 0, hasNext: false });
      };
    await both();
    await ask('{ workloads(cluster: "east") { totalCount } }');
    await until(() => second.hubStore.complete);
    assert.deepEqual(asked, ['agent-a']);
    assert.equal(await services(), 'cart');
    assert.match((await look()).replicas[0]?.agentVersion ?? '', /^\d+\.\d+\.\d+/);
  });

  it('are a finding where two agents claim to be the same one', async () => {
    second.replica = { id: 'agent-a', leads: true };
    first.service('cart').connect();
    await isActive('east');
    second.connect();
    const found = await until(async () => {
      const query = '{ insights(first: 100) { nodes { reason message } } }';
      interface Shown {
        readonly insights: { readonly nodes: readonly { reason: string; message: string }[] };
      }
      const { insights } = await ask<Shown>(query);
      return insights.nodes.find(({ reason }) => reason === 'AGENT_DUPLICATE');
    });
    assert.match(found.message, /two agents connect as replica agent-a/);
  });

  it('both have what the hub sends, and its changes', async () => {
    await both();
    const west = (await agent('west', 3)).service('pay').gateway().connect();
    const healthy = (one: TestAgent) => one.hubStore.view.remotes.get('west/shop/pay')?.groups[0]?.healthy;
    await until(() => [first, second].every((one) => healthy(one) === 2));
    west.service('pay', {}, 1);
    await until(() => [first, second].every((one) => healthy(one) === 1));
  });

  it('a follower that becomes the leader says everything from scratch, and what the other one says counts no more', async () => {
    await both();
    second.service('cart').lead(true);
    await isShown('agent-a FOLLOWER,agent-b LEADER');
    await until(async () => (await services()) === 'cart,other');
    await isActive('east');
    // It has not noticed yet.
    first.service('late');
    first.lead(false);
    second.service('last');
    await until(async () => (await services()) === 'cart,last,other');
    assert.equal(await shown(), 'agent-a FOLLOWER,agent-b LEADER');
  });

  it('without a leader keep what was reported, and take nothing away at others', async () => {
    const west = (await agent('west', 3)).connect();
    first.gateway();
    second.gateway();
    await both();
    const healthy = () => west.hubStore.view.remotes.get('east/shop/cart')?.groups[0]?.healthy;
    await until(() => healthy() === 2);
    first.disconnect();
    await isShown('agent-b FOLLOWER');
    const { errors } = await hub.ask('{ workloads(cluster: "east") { totalCount } }');
    assert.match(JSON.stringify(errors), /none of the replicas of the agent of east leads now/);
    second.service('cart', {}, 1).lead(true);
    await until(() => healthy() === 1);
    await isShown('agent-b LEADER');
  });

  it('an intermediate signs nothing before each of them holds it', async () => {
    await both();
    await until(() => second.hubStore.complete);
    const apply = second.hubStore.apply.bind(second.hubStore);
    let isRefusing = true;
    second.hubStore.apply = (...change) => {
      const outcome = apply(...change);
      const [type, resources] = change;
      if (type !== 'intermediate' || !isRefusing) return outcome;
      return { ...outcome, rejected: resources.map(({ name }) => ({ name, reason: 'the disk is full' })) };
    };
    const { keyId } = await first.link!.signIntermediate(createCsr(generateKey()));
    await until(() => first.hubStore.view.intermediates.has(keyId));
    applies(first, 'intermediate', keyId);
    const { acknowledgedBy, activated } = await intermediateOf(keyId);
    assert.deepEqual([acknowledgedBy, activated], [[], false]);
    isRefusing = false;
    second.disconnect();
    await isShown('agent-a LEADER');
    await until(async () => (await intermediateOf(keyId)).activated);
  });

  const intermediateOf = async (keyId: string) => {
    const { trustDomains } = await ask<{
      trustDomains: {
        nodes: { intermediates: { keyId: string; activated: boolean; acknowledgedBy: string[] }[] }[];
      };
    }>('{ trustDomains { nodes { intermediates { keyId activated acknowledgedBy } } } }');
    return trustDomains.nodes[0]!.intermediates.find((one) => one.keyId === keyId)!;
  };

  it('a drain is applied, and ended, once each of them has taken it', async () => {
    await both();
    await until(() => second.hubStore.complete);
    const operation = async () =>
      (
        await ask<{ operations: { nodes: { type: string; state: string; message: string }[] } }>(
          '{ operations { nodes { type state message } } }',
        )
      ).operations.nodes;
    second.refuses.add('drain:east');
    await ask(
      'mutation { drainCluster(input: { cluster: "east", percent: 40 }) { userErrors { message } } }',
    );
    await until(() => first.hubStore.view.trafficShifts.has('drain:east'));
    applies(first, 'diversion', 'drain:east');
    const [running] = await until(async () => {
      const all = await operation();
      return all[0]?.message.includes('agent-b') === true && all;
    });
    assert.match(running?.message ?? '', /replica agent-b of its agent has yet to take it/);
    second.refuses.clear();
    second.disconnect();
    second.connect();
    await until(async () => (await operation())[0]?.state === 'DONE');
    await ask('mutation { undrainCluster(input: { cluster: "east" }) { userErrors { message } } }');
    await until(() => [first, second].every((one) => one.hubStore.view.trafficShifts.size === 0));
    first.report('applied', 'diversion/drain:east', undefined);
    await until(async () => (await operation()).every(({ state }) => state === 'DONE'));
  });

  it('all end when the cluster is revoked', async () => {
    await both();
    await ask('mutation { revokeCluster(input: { cluster: "east" }) { userErrors { message } } }');
    await until(() => !first.link?.connected && !second.link?.connected);
    assert.equal(await shown(), '');
  });

  it('of one replica the newest wins', async () => {
    await both();
    const twin = first.beside('agent-a', true, `127.${hub.octet}.16.4`);
    agents.push(twin);
    first.disconnect();
    twin.service('twin').connect();
    await until(async () => (await services()) === 'twin');
    assert.equal(await shown(), 'agent-a LEADER,agent-b FOLLOWER');
  });
});
