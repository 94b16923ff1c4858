import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { formatPodUid } from '@isthmus/mesh/records/workload-uid.ts';
import { until } from '../fakes/agent.ts';
import { needNamespaces, type Namespace, PodNetwork } from '../fakes/network-namespaces.ts';
import { aZdsPod, FakeNodeAgent, type ConnectedProxy } from '../fakes/node-agent.ts';
import { aWorkload } from '../fakes/records.ts';
import { Applications } from './applications.ts';
import { redirect } from './rules.ts';
import { ControlPlane, ZtunnelProcess, type Start } from './ztunnel.ts';

const addresses = { client: '10.9.2.1', server: '10.9.2.2', plain: '10.9.2.3' } as const;
type Name = keyof typeof addresses;
const nodeOf = (name: Name): string => (name === 'client' ? 'node-1' : 'node-2');

const workloadOf = (name: Name, strict = false) =>
  aWorkload({
    uid: formatPodUid('east', `shop/${name}`),
    name,
    addresses: [addresses[name]],
    node: nodeOf(name),
    serviceAccount: name,
    strict,
  });

/** Namespaces are entered with SYS_ADMIN, and marks and callers' addresses need NET_ADMIN: nothing else is had. */
const least = ['--bounding-set', '-all,+sys_admin,+net_admin', '--no-new-privs'];
const withLeast: Start = (command, args, options) => spawn('setpriv', [...least, command, ...args], options);

describe('two ztunnels that capture the pods of two node agents', () => {
  const pods = {} as Record<Name, Namespace>;
  const applications = new Applications();
  const agents: FakeNodeAgent[] = [];
  const ztunnels: ZtunnelProcess[] = [];
  let network: PodNetwork | undefined;
  let plane: ControlPlane;
  let near: ConnectedProxy;
  let far: ConnectedProxy;

  before(async function () {
    needNamespaces(this);
    network = new PodNetwork();
    for (const name of Object.keys(addresses) as Name[]) pods[name] = network.add(name, [addresses[name]]);
    plane = await ControlPlane.start();
    plane.publish([workloadOf('client'), workloadOf('server')]);
    for (const [node, workers] of [
      ['node-1', 1],
      ['node-2', 2],
    ] as const) {
      agents.push(new FakeNodeAgent(plane.world.path(`${node}.sock`)));
      ztunnels.push(new ZtunnelProcess(plane, { node, workers, capture: 'pods' }, withLeast));
    }
    [near, far] = (await Promise.all(agents.map((one) => one.proxy()))) as [ConnectedProxy, ConnectedProxy];
    await applications.serve(pods.server, 8080);
    await applications.serve(pods.plain, 8080);
  });
  after(async () => {
    await applications.stop();
    await Promise.all(ztunnels.map((one) => one.stop()));
    for (const one of agents) one.close();
    if (network) await plane.stop();
    for (const pod of Object.values(pods)) pod.remove();
    network?.remove();
  });

  const readiness = (one: ZtunnelProcess) => fetch(`http://${one.address}:15021/healthz/ready`);
  const add = (to: ConnectedProxy, name: Name) =>
    to.ask({ kind: 'add', pod: aZdsPod(name) }, [pods[name].descriptor]);

  it('are ready once the node agent has named every pod, and those are captured', async () => {
    equal(await add(near, 'client'), undefined);
    equal(await add(far, 'server'), undefined);
    redirect(pods.client);
    redirect(pods.server);
    for (const one of ztunnels) await one.says('state received');
    for (const one of ztunnels)
      await until(async () => (await (await readiness(one)).text()).trim().endsWith(': pods'));
    for (const one of [near, far]) equal(await one.ask({ kind: 'snapshot-sent' }), undefined);
    for (const one of ztunnels) await until(async () => (await readiness(one)).status === 200);
  });

  it('carry what a pod calls by HBONE, and the server sees the caller’s address', async () => {
    equal(await applications.call(pods.client, addresses.server, 8080, 'hello'), `${addresses.client} hello`);
    const tunnel = { 'dst.hbone_addr': `${addresses.server}:8080` };
    const identities = {
      'src.identity': 'spiffe://cluster.local/ns/shop/sa/client',
      'dst.identity': 'spiffe://cluster.local/ns/shop/sa/server',
    };
    await ztunnels[0]!.line({ direction: 'outbound', ...tunnel, ...identities });
    await ztunnels[1]!.line({ direction: 'inbound', ...tunnel, ...identities });
  });

  it('deliver plaintext from outside the mesh, and pass it on to there, but not under STRICT', async () => {
    const { client, plain, server } = addresses;
    equal(await applications.call(pods.plain, server, 8080, 'hello'), `${plain} hello`);
    equal(await applications.call(pods.client, plain, 8080, 'hello'), `${client} hello`);
    plane.publish([workloadOf('client'), workloadOf('server', true)]);
    await until(async () => !(await applications.call(pods.plain, server, 8080, 'x')).includes('x'));
    equal(await applications.call(pods.client, server, 8080, 'hello'), `${client} hello`);
    plane.publish([workloadOf('client'), workloadOf('server')]);
  });

  it('have no capability but SYS_ADMIN and NET_ADMIN', () => {
    const [netAdmin, sysAdmin] = [12n, 21n];
    for (const { child } of ztunnels) {
      const [, effective = ''] =
        /^CapEff:\s*(\S+)$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      equal(BigInt(`0x${effective}`), (1n << netAdmin) | (1n << sysAdmin));
    }
  });

  it('have no thread in a pod', () => {
    const home = readlinkSync('/proc/self/ns/net');
    for (const one of ztunnels) deepEqual(one.namespaces, [home]);
  });

  it('serve the same pods while the node agent is stopped, and after it has started again', async () => {
    near.close();
    equal(await applications.call(pods.client, addresses.server, 8080, 'on'), `${addresses.client} on`);
    near = await agents[0]!.proxy();
    const open = await applications.stay(pods.client, addresses.server, 8080);
    equal(await add(near, 'client'), undefined);
    equal(await near.ask({ kind: 'snapshot-sent' }), undefined);
    equal(open.exitCode, null);
    equal(await applications.call(pods.client, addresses.server, 8080, 'on'), `${addresses.client} on`);
  });

  it('let a pod go with its listeners, connections and descriptors, and one that has its namespace deleted', async () => {
    const ztunnel = ztunnels[0]!;
    await applications.stop();
    equal(await near.ask({ kind: 'del', uid: aZdsPod('client').uid }), undefined);
    await ztunnel.says('a pod has left');
    // What it had open ends after the drain at the latest.
    await until(() => pods.client.run('ss', ['-Htan', 'state', 'established']) === '');
    equal(pods.client.run('ss', ['-Htln']), '');
    const without = ztunnel.descriptors;
    const gone = network!.add('gone', ['10.9.2.9']);
    equal(await near.ask({ kind: 'add', pod: aZdsPod('gone') }, [gone.descriptor]), undefined);
    // Three listeners, those of names (one over TCP, two over UDP), and the namespace.
    // What ended before may only now be closed.
    ok(ztunnel.descriptors - without <= 7);
    gone.remove();
    equal(await near.ask({ kind: 'del', uid: aZdsPod('gone').uid }), undefined);
    await until(() => ztunnel.descriptors <= without);
  });
});
