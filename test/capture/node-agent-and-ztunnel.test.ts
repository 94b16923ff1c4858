import { equal } from 'node:assert/strict';
import { formatPodUid } from '@isthmus/mesh/records/workload-uid.ts';
import type { Backend } from '@isthmus/mesh/redirection/steps.ts';
import { withNamespaces } from '../fakes/network-namespaces.ts';
import { aWorkload } from '../fakes/records.ts';
import { holds } from '../fakes/turns.ts';
import { nodeName, podNamespace, TestNode, type NodePod } from './node.ts';
import { ControlPlane, ZtunnelProcess } from './ztunnel.ts';
import { TwoPods } from './two-pods.ts';

const ambient = { 'istio.io/dataplane-mode': 'ambient' };
const identityOf = (name: string): string => `spiffe://cluster.local/ns/${podNamespace}/sa/${name}`;

const workloadOf = ({ name, address }: NodePod) =>
  aWorkload({
    uid: formatPodUid('east', `${podNamespace}/${name}`),
    name,
    namespace: podNamespace,
    addresses: [address],
    node: nodeName,
    serviceAccount: name,
  });

withNamespaces('our node agent and our ztunnel', ['iptables', 'nft'], () => {
  let node: TestNode;
  let plane: ControlPlane;
  let ztunnel: ZtunnelProcess;
  let pods: TwoPods;
  let client: NodePod;
  let server: NodePod;

  beforeEach(async () => {
    node = new TestNode();
    pods = await TwoPods.start(node, '10.9.5');
    ({ client, server } = pods);
    plane = await ControlPlane.start();
    plane.publish([client, server].map(workloadOf));
    ztunnel = newZtunnel();
  });
  afterEach(async () => {
    await Promise.all([pods.stop(), ztunnel.stop()]);
    await node.remove();
    await plane.stop();
    pods.remove();
  });

  const newZtunnel = () =>
    new ZtunnelProcess(plane, {
      node: nodeName,
      capture: 'pods',
      workers: 2,
      env: { INPOD_UDS: node.socket },
    });
  const call = (id: string) => pods.call(id);
  const say = (id: string) => pods.say(id);

  for (const backend of ['NFT', 'IPTABLES'] as const satisfies readonly Backend[])
    it(`capture running pods of a namespace that is labelled, with what was open, and let go of them (${backend})`, async () => {
      const agent = await node.agent(backend);
      await holds(() => agent.facts().proxies === 1);
      equal(await call('before'), 'application');
      node.label(ambient);
      await holds(() => agent.facts().captured === 2);
      equal(await say('before'), 'before');
      equal(await call('captured'), 'application');
      equal(await say('captured'), 'captured');
      equal(await call('short'), 'application');
      equal(await pods.inClient.ask({ op: 'end', id: 'short' }), 'ended');
      const identities = { 'src.identity': identityOf('client'), 'dst.identity': identityOf('server') };
      await ztunnel.line({ direction: 'outbound', ...identities });
      await ztunnel.line({ direction: 'inbound', ...identities });
      node.label({});
      await holds(() => Object.keys(node.annotations(server)).length === 0);
      equal(await call('direct'), 'application');
      equal(await say('before'), 'before');
    });

  it('capture the pods again when the proxy starts again', async () => {
    const agent = await node.agent('NFT');
    node.label(ambient);
    await holds(() => agent.facts().captured === 2);
    equal(await call('one'), 'application');
    await ztunnel.stop();
    await holds(() => agent.facts().captured === 0);
    ztunnel = newZtunnel();
    await holds(() => agent.facts().captured === 2);
    equal(await call('two'), 'application');
    equal(await say('two'), 'two');
  });
});
