import { deepEqual, equal } from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { spawnIn } from '@isthmus/mesh/native/spawn.ts';
import { formatPodUid } from '@isthmus/mesh/records/workload-uid.ts';
import { Pods } from '@isthmus/ztunnel/capture/pods/pods.ts';
import type { Namespace } from '../fakes/network-namespaces.ts';
import { needNamespaces, PodNetwork } from '../fakes/network-namespaces.ts';
import { ProxyMesh, type TestProxy } from '../fakes/proxy-mesh.ts';
import { aService, aWorkload } from '../fakes/records.ts';
import { redirect } from './rules.ts';

const network = 'network-east';
const uid = formatPodUid('east', 'shop/client');
const addresses = { client: ['10.9.1.1', 'fd00:9::1:1'], resolver: ['10.9.1.3', 'fd00:9::1:3'] } as const;

/** A program that knows nothing of a mesh asks its resolver, over UDP, and over TCP when an answer was cut. */
const askCode = `
  const [server, name, type] = process.argv.slice(1);
  const resolver = new (require('dns').promises.Resolver)({ timeout: 3000, tries: 1 });
  resolver.setServers([server]);
  resolver.resolve(name, type).then((found) => console.log(found.flat().join(' ')), (error) => console.log(error.code));`;

describe('names in captured pods', () => {
  const pods = {} as Record<keyof typeof addresses, Namespace>;
  let [podNetwork, resolver]: [PodNetwork?, ChildProcess?] = [];
  let mesh: ProxyMesh;
  let proxy: TestProxy;

  before(async function () {
    needNamespaces(this);
    podNetwork = new PodNetwork();
    for (const name of ['client', 'resolver'] as const) pods[name] = podNetwork.add(name, addresses[name]);
    const program = join(import.meta.dirname, 'resolver-process.ts');
    const args = [program, '::', 'large.elsewhere.org'];
    resolver = spawnIn(pods.resolver.descriptor, process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(createInterface(resolver.stdout!), 'line');
    mesh = await ProxyMesh.start();
    const client = aWorkload({ uid, name: 'client', addresses: addresses.client, node: 'node-1' });
    const far = aService({
      name: 'far',
      namespace: 'other',
      inClusterset: true,
      addresses: ['240.0.0.7', 'fd00:24::7'].map((address) => ({ network, address, prefix: undefined })),
    });
    proxy = await mesh.proxy(
      {
        cluster: 'east',
        node: 'node-1',
        capture: 'pods',
        resolvers: { nameservers: [{ address: addresses.resolver[0], port: 53 }], search: [] },
      },
      { workloads: [client], services: [far] },
      { capture: (deps) => new Pods(deps) },
    );
    proxy.engine.hear({
      kind: 'enrol',
      number: 1,
      uid,
      serviceAccount: 'default',
      namespace: pods.client.descriptor,
    });
    await proxy.signal.until(() => proxy.said.some(({ kind }) => kind === 'enrolled'));
    redirect(pods.client, 'IPTABLES', true);
  });
  after(async () => {
    if (resolver) {
      const ended = once(resolver, 'exit');
      resolver.kill('SIGKILL');
      await ended;
    }
    if (podNetwork) await mesh.stop();
    for (const pod of Object.values(pods)) pod.remove();
    podNetwork?.remove();
  });

  /** What a program in the client's pod gets, space-separated, or the name of an error. */
  async function ask(server: string, name: string, type: string): Promise<string> {
    const child = spawnIn(pods.client.descriptor, process.execPath, ['-e', askCode, server, name, type], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return (await text(child.stdout!)).trim();
  }

  for (const server of addresses.resolver)
    it(`of the mesh are answered by the proxy, whichever resolver is asked (${server})`, async () => {
      equal(await ask(server, 'far.other.svc.cluster.local', 'A'), '240.0.0.7');
      equal(await ask(server, 'far.other.svc.clusterset.local', 'AAAA'), 'fd00:24::7');
      equal(await ask(server, 'far.other', 'A'), '240.0.0.7');
    });

  it('of others are answered by the resolver, asked from the pod’s own address over UDP and TCP', async () => {
    const [client, server] = [addresses.client[0], addresses.resolver[0]];
    equal(await ask(server, 'from.elsewhere.org', 'TXT'), `udp ${client}`);
    equal(await ask(server, 'nobody.elsewhere.org', 'A'), 'ENOTFOUND');
    const large = await ask(server, 'large.elsewhere.org', 'A');
    equal(large.split(' ').length, 200);
  });

  it('of the mesh resolve while the resolver is down', async () => {
    resolver?.kill('SIGSTOP');
    equal(await ask(addresses.resolver[0], 'far.other.svc.cluster.local', 'A'), '240.0.0.7');
    resolver?.kill('SIGCONT');
  });

  it('cannot be asked by another pod in its name', async () => {
    deepEqual(await askFrom('resolver', addresses.client[0]), 'ECONNREFUSED');
  });

  async function askFrom(pod: 'resolver', server: string): Promise<string> {
    const args = ['-e', askCode, `${server}:15053`, 'far.other.svc.cluster.local', 'A'];
    const child = spawnIn(pods[pod].descriptor, process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return (await text(child.stdout!)).trim();
  }
});
