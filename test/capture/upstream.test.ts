import { equal } from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { formatPodUid } from '@isthmus/mesh/records/workload-uid.ts';
import { until } from '../fakes/agent.ts';
import { Namespace, needNamespaces, PodNetwork } from '../fakes/network-namespaces.ts';
import { aZdsPod, FakeNodeAgent } from '../fakes/node-agent.ts';
import { aWorkload } from '../fakes/records.ts';
import { Applications } from './applications.ts';
import { redirect } from './rules.ts';
import { ControlPlane, UpstreamProcess, ZtunnelProcess } from './ztunnel.ts';

const binary = process.env['ZTUNNEL_BIN'] ?? '';
const addresses = { ours: '10.9.4.1', theirs: '10.9.4.2', plain: '10.9.4.3' } as const;
type Name = keyof typeof addresses;
const nodeOf = { ours: 'node-1', theirs: 'node-2' } as const;

const workloadOf = (name: keyof typeof nodeOf) =>
  aWorkload({
    uid: formatPodUid('east', `shop/${name}`),
    name,
    addresses: [addresses[name]],
    node: nodeOf[name],
    serviceAccount: name,
  });

describe('our ztunnel on one node, and that of Istio on the other', () => {
  const pods = {} as Record<Name, Namespace>;
  const applications = new Applications();
  const stops: (() => unknown)[] = [];
  let ours: ZtunnelProcess;
  let theirs: UpstreamProcess;

  before(async function () {
    needNamespaces(this);
    if (!existsSync(binary)) {
      process.stderr.write('\n      NOT RUN: ZTUNNEL_BIN names no ztunnel of Istio\n');
      this.skip();
    }
    const network = new PodNetwork();
    stops.push(() => network.remove());
    for (const name of Object.keys(addresses) as Name[]) {
      pods[name] = network.add(name, [addresses[name]]);
      stops.push(() => pods[name].remove());
    }
    const place = new Namespace('upstream');
    stops.push(() => place.remove());
    const plane = await ControlPlane.start();
    stops.push(() => plane.stop());
    plane.publish([workloadOf('ours'), workloadOf('theirs')]);
    await plane.forward(place);
    const agents = (['node-1', 'node-2'] as const).map(
      (node) => new FakeNodeAgent(plane.world.path(`${node}.sock`)),
    );
    ours = new ZtunnelProcess(plane, { node: 'node-1', capture: 'pods' });
    theirs = new UpstreamProcess(binary, plane, place, 'node-2');
    stops.push(() => Promise.all([ours.stop(), theirs.stop()]), ...agents.map((one) => () => one.close()));
    for (const [at, name] of (['ours', 'theirs'] as const).entries()) {
      const proxy = await agents[at]!.proxy();
      equal(await proxy.ask({ kind: 'add', pod: aZdsPod(name) }, [pods[name].descriptor]), undefined);
      equal(await proxy.ask({ kind: 'snapshot-sent' }), undefined);
      redirect(pods[name]);
    }
    for (const name of Object.keys(addresses) as Name[]) await applications.serve(pods[name], 8080);
    stops.push(() => applications.stop());
  });
  after(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  for (const [from, to] of [
    ['ours', 'theirs'],
    ['theirs', 'ours'],
  ] as const)
    it(`carry what the pod of ${from} calls at that of ${to}, which sees the caller’s address`, async () => {
      const said = () => applications.call(pods[from], addresses[to], 8080, 'hello');
      await until(async () => (await said()) === `${addresses[from]} hello`);
    });

  it('log both identities of what comes, and of what goes', async () => {
    const identity = (name: Name) => `spiffe://cluster.local/ns/shop/sa/${name}`;
    await ours.line({
      direction: 'inbound',
      'src.identity': identity('theirs'),
      'dst.identity': identity('ours'),
    });
    await ours.line({
      direction: 'outbound',
      'src.identity': identity('ours'),
      'dst.identity': identity('theirs'),
    });
    const [from, to] = [`src.identity="${identity('ours')}"`, `dst.identity="${identity('theirs')}"`];
    await theirs.line('direction="inbound"', from, to);
  });

  it('let nothing of it be read between the nodes, where plaintext would be', async () => {
    const marker = 'nobody-reads-this';
    for (const name of ['ours', 'theirs'] as const) watch(pods[name], marker);
    for (const [from, to] of [
      ['ours', 'theirs'],
      ['theirs', 'ours'],
    ] as const)
      equal(await applications.call(pods[from], addresses[to], 8080, marker), `${addresses[from]} ${marker}`);
    for (const name of ['ours', 'theirs'] as const) equal(seen(pods[name]), 0);
    for (const name of ['ours', 'theirs'] as const) {
      await applications.call(pods.plain, addresses[name], 8080, marker);
      equal(seen(pods[name]) > 0, true);
    }
  });
});

/** Counts packets that come in with the words. */
const watch = (pod: Namespace, words: string) =>
  pod.run('iptables', [
    '-t',
    'mangle',
    '-I',
    'PREROUTING',
    '-i',
    'eth0',
    '-m',
    'string',
    '--algo',
    'bm',
    '--string',
    words,
  ]);

const seen = (pod: Namespace): number =>
  Number(/^\s*(\d+).*STRING match/m.exec(pod.run('iptables', ['-t', 'mangle', '-vnL', 'PREROUTING']))?.[1]);
