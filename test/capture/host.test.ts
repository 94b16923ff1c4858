import { deepEqual, equal } from 'node:assert/strict';
import { spawnIn } from '@isthmus/mesh/native/spawn.ts';
import { formatPodUid } from '@isthmus/mesh/records/workload-uid.ts';
import { until } from '../fakes/agent.ts';
import { needNamespaces, PodNetwork, type Namespace } from '../fakes/network-namespaces.ts';
import { aWorkload } from '../fakes/records.ts';
import { Applications } from './applications.ts';
import { redirect } from './rules.ts';
import { ControlPlane, ZtunnelProcess } from './ztunnel.ts';

const addresses = { one: '10.9.3.1', two: '10.9.3.2', plain: '10.9.3.3' } as const;
type Name = keyof typeof addresses;

const workloadOf = (name: Name, node: string, strict = false) =>
  aWorkload({
    uid: formatPodUid('east', `shop/${name}`),
    name,
    addresses: [addresses[name]],
    node,
    serviceAccount: name,
    strict,
  });

describe('two machines, each with a ztunnel that captures its own namespace', () => {
  const machines = {} as Record<Name, Namespace>;
  const applications = new Applications();
  const ztunnels: ZtunnelProcess[] = [];
  let network: PodNetwork | undefined;
  let plane: ControlPlane;

  before(async function () {
    needNamespaces(this);
    network = new PodNetwork();
    for (const name of Object.keys(addresses) as Name[])
      machines[name] = network.add(name, [addresses[name]]);
    plane = await ControlPlane.start();
    plane.publish([workloadOf('one', 'node-1'), workloadOf('two', 'node-2')]);
    for (const [name, node] of [
      ['one', 'node-1'],
      ['two', 'node-2'],
    ] as const) {
      await plane.forward(machines[name]);
      const start = (command: string, args: readonly string[], options: object) =>
        spawnIn(machines[name].descriptor, command, args, options);
      const env = { INSTANCE_IP: addresses[name] };
      ztunnels.push(new ZtunnelProcess(plane, { node, capture: 'host', env }, start));
    }
    for (const name of ['two', 'plain'] as const) await applications.serve(machines[name], 8080);
  });
  after(async () => {
    await applications.stop();
    await Promise.all(ztunnels.map((one) => one.stop()));
    if (network) await plane.stop();
    for (const machine of Object.values(machines)) machine.remove();
    network?.remove();
  });

  it('listen there and nowhere else, before their rules are written (iptables and nft)', async () => {
    for (const one of ztunnels) await one.says('state received');
    for (const name of ['one', 'two'] as const)
      await until(() => (machines[name].run('ss', ['-Htln']).match(/:150(01|06|08) /g)?.length ?? 0) === 3);
    redirect(machines.one, 'IPTABLES');
    redirect(machines.two, 'NFT');
    equal(machines.plain.run('ss', ['-Htln']).includes(':15008'), false);
  });

  it('carry what one calls of the other by HBONE, and the application sees the caller’s address', async () => {
    const { one, two } = addresses;
    equal(await applications.call(machines.one, two, 8080, 'hello'), `${one} hello`);
    const tunnel = {
      'dst.hbone_addr': `${two}:8080`,
      'src.identity': 'spiffe://cluster.local/ns/shop/sa/one',
    };
    await ztunnels[0]!.line({ direction: 'outbound', ...tunnel });
    await ztunnels[1]!.line({ direction: 'inbound', ...tunnel });
  });

  it('pass on what is outside the mesh, and refuse plaintext from there under STRICT', async () => {
    const { one, two, plain } = addresses;
    equal(await applications.call(machines.one, plain, 8080, 'hello'), `${one} hello`);
    equal(await applications.call(machines.plain, two, 8080, 'hello'), `${plain} hello`);
    plane.publish([workloadOf('one', 'node-1'), workloadOf('two', 'node-2', true)]);
    await until(async () => !(await applications.call(machines.plain, two, 8080, 'x')).includes('x'));
    equal(await applications.call(machines.one, two, 8080, 'hello'), `${one} hello`);
  });

  it('let everything go that a connection had opened', async () => {
    const [ztunnel] = ztunnels as [ZtunnelProcess];
    const before = ztunnel.descriptors;
    for (let call = 0; call < 20; call++) await applications.call(machines.one, addresses.two, 8080, 'hello');
    await until(() => ztunnel.descriptors <= before);
    deepEqual(ztunnel.namespaces.length, 1);
  });
});
