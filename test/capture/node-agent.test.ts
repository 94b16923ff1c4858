import { deepEqual, equal, match } from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join as path } from 'node:path';
import type { Backend } from '@isthmus/mesh/redirection/steps.ts';
import { daemonSets } from '@isthmus/node-agent/access.ts';
import { previousResult, runPlugin } from '../fakes/cni-plugin.ts';
import { withoutNamespaces } from '../fakes/network-namespaces.ts';
import { holds } from '../fakes/turns.ts';
import { podNamespace, TestNode, type NodePod } from './node.ts';
import { TwoPods } from './two-pods.ts';

const binary = process.env['ZTUNNEL_BIN'] ?? '';
const missing =
  withoutNamespaces('iptables', 'nft') ??
  (existsSync(binary) ? undefined : 'ZTUNNEL_BIN names no ztunnel of Istio');
const ambient = { 'istio.io/dataplane-mode': 'ambient' };
const enabled = { 'ambient.istio.io/redirection': 'enabled' };

describe('a node agent and the unmodified ztunnel of Istio', () => {
  if (missing !== undefined) {
    it(`DID NOT RUN: ${missing}`, function () {
      console.warn(`      DID NOT RUN: ${missing}`);
      this.skip();
    });
    return;
  }

  let node: TestNode;
  let pods: TwoPods;
  let client: NodePod;
  let server: NodePod;

  beforeEach(async () => {
    node = new TestNode();
    pods = await TwoPods.start(node, '10.9.0');
    ({ client, server } = pods);
  });
  afterEach(async () => {
    await pods.stop();
    await node.remove();
    pods.remove();
  });

  const call = (id: string) => pods.call(id);
  const say = (id: string) => pods.say(id);
  /** What the log of ztunnel has of connections that came by HBONE: both identities. */
  const byHbone = () =>
    node
      .log()
      .split('\n')
      .filter((line) => line.includes('direction="inbound"') && line.includes('sa/server'));

  for (const backend of ['NFT', 'IPTABLES'] as const satisfies readonly Backend[])
    it(`capture running pods of a namespace that is labelled, and let go of them (${backend})`, async () => {
      const agent = await node.agent(backend);
      await node.ztunnel(binary, [client, server]);
      await holds(() => agent.facts().proxies === 1);
      equal(await call('before'), 'application');
      node.label(ambient);
      await holds(() => agent.facts().captured === 2);
      await holds(() =>
        [client, server].every((pod) => node.annotations(pod)[Object.keys(enabled)[0]!] === 'enabled'),
      );
      deepEqual(node.annotations(client), enabled);
      equal(await say('before'), 'before');
      equal(await call('captured'), 'application');
      equal(await say('captured'), 'captured');
      equal(await call('short'), 'application');
      equal(await pods.inClient.ask({ op: 'end', id: 'short' }), 'ended');
      await holds(() => byHbone().some((line) => line.includes('sa/client')));
      match(node.host.run('nft', ['list', 'table', 'ip', 'isthmus-probes']), /10\.9\.0\.1, 10\.9\.0\.2/);

      node.label({});
      await holds(() => Object.keys(node.annotations(server)).length === 0);
      equal(await say('captured'), 'captured');
      equal(await call('direct'), 'application');
    });

  it('a restart of the agent takes over what was enrolled before it lets the proxy in', async () => {
    const first = await node.agent('NFT');
    await node.ztunnel(binary, [client, server]);
    node.label(ambient);
    await holds(() => first.facts().captured === 2);
    equal(await call('one'), 'application');
    await node.stopAgent(first);
    equal(await say('one'), 'one');
    equal(await call('between'), 'application');
    const second = await node.agent('NFT');
    await holds(() => second.facts().captured === 2);
    equal(await say('one'), 'one');
    equal(await say('between'), 'between');
    equal(await call('two'), 'application');
    deepEqual(node.annotations(server), enabled);
    equal(node.log().includes('panic'), false);
  });

  it('a restart of the agent without its list finds what was enrolled by the labels and the rules', async () => {
    const first = await node.agent('NFT');
    await node.ztunnel(binary, [client, server]);
    node.label(ambient);
    await holds(() => first.facts().captured === 2);
    await node.stopAgent(first);
    rmSync(path(node.folder, 'state'), { recursive: true });
    const second = await node.agent('NFT');
    await holds(() => second.facts().captured === 2);
    equal(await call('two'), 'application');
  });

  it('a restart of the proxy listens in all captured pods again; meanwhile nothing leaves in the clear', async () => {
    const agent = await node.agent('NFT');
    const proxy = await node.ztunnel(binary, [client, server]);
    node.label(ambient);
    await holds(() => agent.facts().captured === 2);
    await node.kill(proxy);
    await holds(() => agent.facts().proxies === 0);
    equal(await call('dead'), 'ECONNREFUSED');
    deepEqual(node.annotations(server), enabled);
    await node.ztunnel(binary, [client, server]);
    await holds(() => agent.facts().captured === 2);
    equal(await call('again'), 'application');
  });

  it('two proxies at once, as in an upgrade, both have the pods; the second goes on alone', async () => {
    const agent = await node.agent('NFT');
    const old = await node.ztunnel(binary, [client, server]);
    node.label(ambient);
    await holds(() => agent.facts().captured === 2);
    await node.ztunnel(binary, [client, server]);
    await holds(() => agent.facts().proxies === 2);
    await holds(() => agent.facts().captured === 2);
    await node.kill(old);
    await holds(() => agent.facts().proxies === 1);
    equal(await call('second'), 'application');
  });

  it('a pod that ends is let go, and nothing of it is held', async () => {
    const agent = await node.agent('NFT');
    await node.ztunnel(binary, [client, server]);
    node.label(ambient);
    await holds(() => agent.facts().captured === 2);
    await pods.inServer.stop();
    node.ends(server);
    await holds(() => agent.capture.enrolments.all.size === 1);
    await holds(() => !node.host.run('nft', ['list', 'table', 'ip', 'isthmus-probes']).includes('10.9.0.2'));
  });

  it('an agent whose DaemonSet is gone takes out every rule when it ends; any other end leaves them', async () => {
    const rules = () => server.namespace.run('nft', ['list', 'ruleset']);
    const first = await node.agent('NFT');
    await node.ztunnel(binary, [client, server]);
    node.label(ambient);
    await holds(() => first.facts().captured === 2);
    await node.stopAgent(first);
    match(rules(), /redirect to :15006/);
    const second = await node.agent('NFT');
    await holds(() => second.facts().captured === 2);
    node.api.delete(daemonSets, 'isthmus-system', 'node-agent');
    await node.stopAgent(second);
    equal(rules(), '');
    equal(node.host.run('nft', ['list', 'ruleset']), '');
    equal(server.namespace.run('ip', ['rule', 'show']).includes('0x111'), false);
    equal(await call('plain'), 'application');
    deepEqual(node.annotations(server), {});
    for (const left of ['state', 'mailbox', 'bin/isthmus-cni', 'zds/ztunnel.sock'])
      equal(existsSync(path(node.folder, left)), false, left);
  });

  it('a pod that starts is captured before the plugin returns, and its namespace is in the list first', async () => {
    const agent = await node.agent('NFT');
    await node.ztunnel(binary, [client, server]);
    await holds(() => agent.facts().proxies === 1);
    const mailbox = path(node.folder, 'mailbox');
    const add = (pod: NodePod) =>
      runPlugin({
        command: 'ADD',
        mailbox,
        name: pod.name,
        namespace: podNamespace,
        uid: pod.uid,
        netns: pod.namespace.path,
      });
    equal((await add(client)).status, 0);
    equal(agent.facts().captured, 0);
    // The runtime writes its own files after the plugins.
    node.forgets(server);
    node.label(ambient);
    deepEqual(await add(server), { status: 0, out: `${JSON.stringify(previousResult)}\n`, err: '' });
    match(readFileSync(path(mailbox, 'namespaces'), 'utf8'), /^shop$/m);
    match(server.namespace.run('nft', ['list', 'ruleset']), /redirect to :15006/);
    const del = { mailbox, command: 'DEL', name: server.name, namespace: podNamespace, uid: server.uid };
    // A late DEL of an older sandbox, and one whose namespace has ended already, change nothing.
    await runPlugin({ ...del, netns: client.namespace.path });
    await runPlugin({ ...del, netns: '' });
    await holds(() => readdirSync(mailbox).every((file) => !file.endsWith('.request')));
    equal(agent.capture.enrolments.all.has(server.uid), true);
    await runPlugin({ ...del, netns: server.namespace.path });
    await holds(() => !agent.capture.enrolments.all.has(server.uid));
  });
});
