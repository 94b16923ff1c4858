import { deepEqual, equal, match, notEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { threadsAway } from '@isthmus/mesh/native/namespace.ts';
import { closeDescriptor } from '@isthmus/mesh/native/native.ts';
import { spawnIn } from '@isthmus/mesh/native/spawn.ts';
import { listenIn } from '@isthmus/mesh/native/tcp.ts';
import { formatPodUid } from '@isthmus/mesh/records/workload-uid.ts';
import { Pods } from '@isthmus/ztunnel/capture/pods/pods.ts';
import { Namespace, needNamespaces, PodNetwork } from '../fakes/network-namespaces.ts';
import { ProxyMesh, type TestProxy } from '../fakes/proxy-mesh.ts';
import { aWorkload } from '../fakes/records.ts';
import { until } from '../fakes/agent.ts';
import { Applications } from './applications.ts';
import { redirect } from './rules.ts';

const uidOf = (name: string): string => formatPodUid('east', `shop/${name}`);
const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

/** The client's pod is on one node and the server's on another; `plain` is in no mesh, and both are its neighbours. */
const addresses = {
  client: ['10.9.1.1', 'fd00:9::1:1'],
  server: ['10.9.1.2', 'fd00:9::1:2'],
  plain: ['10.9.1.3', 'fd00:9::1:3'],
} as const;
type Name = keyof typeof addresses;
const ofNode = { client: 'node-1', server: 'node-2', plain: '' };

const workloadOf = (name: Name, strict = false) =>
  aWorkload({
    uid: uidOf(name),
    name,
    addresses: addresses[name],
    node: ofNode[name],
    serviceAccount: name,
    strict,
  });

describe('capture in pods', () => {
  const pods = {} as Record<Name, Namespace>;
  const applications = new Applications();
  let network: PodNetwork | undefined;
  let mesh: ProxyMesh;
  let near: TestProxy;
  let far: TestProxy;

  before(async function () {
    needNamespaces(this);
    network = new PodNetwork();
    for (const name of Object.keys(addresses) as Name[]) pods[name] = network.add(name, addresses[name]);
    mesh = await ProxyMesh.start();
    const workloads = [workloadOf('client'), workloadOf('server')];
    const proxy = (node: string) =>
      mesh.proxy(
        { cluster: 'east', node, capture: 'pods' },
        { workloads },
        { capture: (deps) => new Pods(deps) },
      );
    [near, far] = [await proxy('node-1'), await proxy('node-2')];
    equal(await enrol(near, 1, 'client'), undefined);
    equal(await enrol(far, 1, 'server'), undefined);
    redirect(pods.client);
    redirect(pods.server);
    await applications.serve(pods.server, 8080);
    await applications.serve(pods.plain, 8080);
  });
  after(async () => {
    await applications.stop();
    if (network) await mesh.stop();
    for (const pod of Object.values(pods)) pod.remove();
    network?.remove();
  });

  /** Undefined, or why it is not captured. */
  async function enrol(proxy: TestProxy, number: number, name: Name, namespace = pods[name].descriptor) {
    proxy.engine.hear({ kind: 'enrol', number, uid: uidOf(name), serviceAccount: name, namespace });
    const find = () => proxy.said.findLast((one) => one.kind === 'enrolled' && one.number === number);
    await proxy.signal.until(() => find() !== undefined);
    const found = find();
    return found?.kind === 'enrolled' ? found.problem : undefined;
  }

  async function leave(proxy: TestProxy, number: number, drainMillis: number) {
    proxy.engine.hear({ kind: 'leave', number, drainMillis });
    await proxy.signal.until(() => proxy.said.some((one) => one.kind === 'left' && one.number === number));
  }

  for (const [at, family] of ['IPv4', 'IPv6'].entries())
    it(`carries what a pod calls by mTLS, and the server sees the caller’s address (${family})`, async () => {
      const [client, server] = [addresses.client[at]!, addresses.server[at]!];
      equal(await applications.call(pods.client, server, 8080, 'hello'), `${client} hello`);
      const tunnel = { 'dst.hbone_addr': `${at === 0 ? server : `[${server}]`}:8080` };
      const line = await far.line({ direction: 'inbound', ...tunnel });
      equal(line['src.identity'], 'spiffe://cluster.local/ns/shop/sa/client');
      const out = await near.line({ direction: 'outbound', ...tunnel });
      equal(out['dst.identity'], 'spiffe://cluster.local/ns/shop/sa/server');
    });

  it('passes a destination outside the mesh through, from the pod’s own address', async () => {
    const [client, plain] = [addresses.client[0], addresses.plain[0]];
    equal(await applications.call(pods.client, plain, 8080, 'hello'), `${client} hello`);
    const line = await near.line({ direction: 'outbound', 'dst.addr': `${plain}:8080` });
    equal(line['dst.identity'], undefined);
    match(await applications.call(pods.client, plain, 9, 'hello'), /^(ECONNRESET|EPIPE)?\n?$/);
  });

  it('delivers plaintext with the caller’s address, and refuses it under STRICT', async () => {
    const [plain, server] = [addresses.plain[0], addresses.server[0]];
    equal(await applications.call(pods.plain, server, 8080, 'hello'), `${plain} hello`);
    far.tell({ workloads: [workloadOf('server', true)] });
    match(await applications.call(pods.plain, server, 8080, 'hello'), /^(ECONNRESET|EPIPE)?\n?$/);
    equal(await applications.call(pods.client, server, 8080, 'hello'), `${addresses.client[0]} hello`);
    far.tell({ workloads: [workloadOf('server')] });
  });

  it('ends what calls its own ports by hand, from inside and from outside, without a loop', async () => {
    const before = far.report().totals;
    for (const from of ['server', 'plain'] as const)
      for (const port of [15001, 15006])
        match(
          await applications.call(pods[from], addresses.server[0], port, 'x'),
          /^(ECONNRESET|EPIPE)?\n?$/,
        );
    match(await applications.call(pods.server, '127.0.0.1', 15006, 'x'), /^(ECONNRESET|EPIPE)?\n?$/);
    const { open } = far.report().totals;
    equal(open, before.open);
  });

  it('waits for its workload where the pod before it had the name and another account', async () => {
    const { client, server } = addresses;
    near.tell({ workloads: [{ ...workloadOf('client'), serviceAccount: 'before' }] });
    const answer = applications.call(pods.client, server[0], 8080, 'hello');
    await until(() => near.report().totals.sourceSockets > 0);
    near.tell({ workloads: [workloadOf('client')] });
    equal(await answer, `${client[0]} hello`);
    const tunnel = { direction: 'inbound', 'dst.hbone_addr': `${server[0]}:8080` };
    equal((await far.line(tunnel))['src.identity'], 'spiffe://cluster.local/ns/shop/sa/client');
    equal(
      far.lines.some((line) => line['src.identity']?.endsWith('/before')),
      false,
    );
  });

  it('goes on where a caller had reset before it was accepted', async () => {
    const code = `
      const socket = require('net').connect(8080, '${addresses.server[0]}', () => { socket.resetAndDestroy(); });`;
    // Nothing is accepted while this process waits for that one.
    const args = ['netns', 'exec', pods.client.name, process.execPath, '-e', code];
    for (let one = 0; one < 3; one++) equal(spawnSync('ip', args).status, 0);
    match(await applications.call(pods.client, addresses.server[0], 8080, 'hello'), /hello$/);
  });

  it('refuses one pod with the reason, and the others are served', async () => {
    const before = openDescriptors();
    const file = openSync('/dev/null', 'r');
    match((await enrol(near, 7, 'plain', file)) ?? '', /setns failed with EINVAL/);
    closeSync(file);
    match((await enrol(near, 8, 'plain', file)) ?? '', /setns failed with EBADF/);
    equal(openDescriptors(), before);
    equal(await applications.call(pods.client, addresses.server[0], 8080, 'on'), `${addresses.client[0]} on`);
  });

  it('opens no listener of a pod in which one of them cannot be', async () => {
    const before = openDescriptors();
    const other = new Namespace('other');
    // Without SO_REUSEPORT nobody else may listen there.
    const code = "require('net').createServer().listen(15008, '::', () => console.log('listens'))";
    const server = spawnIn(other.descriptor, process.execPath, ['-e', code]);
    await once(server.stdout!, 'data');
    match((await enrol(near, 9, 'plain', other.descriptor)) ?? '', /bind failed with EADDRINUSE/);
    server.kill('SIGKILL');
    await once(server, 'exit');
    for (const port of [15001, 15006])
      closeDescriptor(listenIn(other.descriptor, { address: '127.0.0.1', port }));
    other.remove();
    equal(openDescriptors(), before);
  });

  it('keeps every thread of the process at home', () => deepEqual(threadsAway(), []));

  it('lets a pod leave with its listeners and connections, and nothing of it stays open', async () => {
    const other = network!.add('leaving', ['10.9.1.4']);
    near.tell({
      workloads: [
        { ...workloadOf('client'), uid: uidOf('leaving'), name: 'leaving', addresses: ['10.9.1.4'] },
      ],
    });
    await applications.call(pods.client, addresses.plain[0], 8080, 'x');
    const before = openDescriptors();
    near.engine.hear({
      kind: 'enrol',
      number: 20,
      uid: uidOf('leaving'),
      serviceAccount: 'client',
      namespace: other.descriptor,
    });
    await near.signal.until(() => near.said.some((one) => one.kind === 'enrolled' && one.number === 20));
    // Three listeners, and for names one over TCP and two over UDP.
    equal(openDescriptors() - before, 6);
    redirect(other);
    for (const to of ['server', 'plain'] as const) await applications.stay(other, addresses[to][0], 8080);
    notEqual(openDescriptors(), before);
    await leave(near, 20, 50);
    await applications.stop();
    await until(() => openDescriptors() <= before);
    deepEqual(threadsAway(), []);
    other.remove();
  });
});
