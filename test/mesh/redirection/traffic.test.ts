import { equal } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { probeCommands, probeLook, probeRemoval } from '@isthmus/mesh/redirection/probes.ts';
import { proxyPorts } from '@isthmus/mesh/redirection/rule.ts';
import {
  clearing,
  joining,
  leaving,
  type Backend,
  type Command,
  type Redirection,
  type Step,
} from '@isthmus/mesh/redirection/steps.ts';
import { ip, join, Namespace, withNamespaces } from '../../fakes/network-namespaces.ts';
import { apply, lookAt, podLike } from './applied.ts';
import { TrafficEnd } from './traffic-ends.ts';

const client = { IPV4: '10.9.0.1', IPV6: 'fd00:9::1' } as const;
const pod = { IPV4: '10.9.0.2', IPV6: 'fd00:9::2' } as const;
const anywhere = '::';

withNamespaces('a connection of a pod whose rules are applied', ['iptables', 'nft'], () => {
  let ofClient: Namespace;
  let ofPod: Namespace;
  let outside: TrafficEnd;
  let inside: TrafficEnd;

  beforeEach(async () => {
    ofClient = new Namespace();
    ofPod = new Namespace();
    join(ofClient, ofPod, {
      left: [`${client.IPV4}/24`, `${client.IPV6}/64`],
      right: [`${pod.IPV4}/24`, `${pod.IPV6}/64`],
    });
    [outside, inside] = await Promise.all([TrafficEnd.start(ofClient), TrafficEnd.start(ofPod)]);
    await outside.ask({ op: 'listen', host: anywhere, port: 9000, banner: 'elsewhere' });
    await inside.ask({ op: 'listen', host: anywhere, port: 8080, banner: 'application' });
    await inside.ask({ op: 'listen', host: anywhere, port: proxyPorts.inbound, banner: 'inbound' });
    await inside.ask({ op: 'listen', host: anywhere, port: proxyPorts.outbound, banner: 'outbound' });
    await inside.ask({ op: 'listen', host: anywhere, port: proxyPorts.hbone, banner: 'hbone' });
  });
  afterEach(async () => {
    await Promise.all([outside.stop(), inside.stop()]);
    ofClient.remove();
    ofPod.remove();
  });

  const calls = (id: string, host: string, port = 8080) => outside.ask({ op: 'dial', id, host, port });
  const dials = (id: string, host: string, port = 9000) => inside.ask({ op: 'dial', id, host, port });
  const joined = (redirection: Redirection, change: (step: Step) => Step = (step) => step) =>
    apply(ofPod, joining(redirection, lookAt(ofPod, redirection)).map(change));

  for (const backend of ['IPTABLES', 'NFT'] as const satisfies readonly Backend[]) {
    for (const family of ['IPV4', 'IPV6'] as const) {
      it(`is captured in both directions (${backend}, ${family})`, async () => {
        joined(podLike(backend));
        equal(await calls('in', pod[family]), 'inbound');
        equal(await dials('out', client[family]), 'outbound');
        equal(await calls('hbone', pod[family], proxyPorts.hbone), 'hbone');
        equal(await dials('self', pod[family], 8080), 'application');
        equal(await dials('loopback', family === 'IPV4' ? '127.0.0.1' : '::1', 8080), 'application');
      });

      it(`lives on where it was open before (${backend}, ${family})`, async () => {
        equal(await calls('in', pod[family]), 'application');
        equal(await dials('out', client[family]), 'elsewhere');
        joined(podLike(backend));
        equal(await outside.ask({ op: 'say', id: 'in', text: 'one' }), 'one');
        equal(await inside.ask({ op: 'say', id: 'out', text: 'two' }), 'two');
        equal(await calls('new', pod[family]), 'inbound');
      });

      it(`that was redirected lives on after the first step of leaving, and new ones are direct (${backend}, ${family})`, async () => {
        const redirection = podLike(backend);
        joined(redirection);
        equal(await calls('in', pod[family]), 'inbound');
        equal(await dials('out', client[family]), 'outbound');
        apply(ofPod, leaving(redirection, lookAt(ofPod, redirection)));
        equal(await outside.ask({ op: 'say', id: 'in', text: 'one' }), 'one');
        equal(await inside.ask({ op: 'say', id: 'out', text: 'two' }), 'two');
        equal(await calls('new-in', pod[family]), 'application');
        equal(await dials('new-out', client[family]), 'elsewhere');
        apply(ofPod, clearing(redirection, lookAt(ofPod, redirection)));
        equal(await calls('last-in', pod[family]), 'application');
      });
    }

    it(`lives on when the rules are applied again (${backend})`, async () => {
      joined(podLike(backend));
      equal(await calls('in', pod.IPV4), 'inbound');
      joined(podLike(backend));
      equal(await outside.ask({ op: 'say', id: 'in', text: 'one' }), 'one');
    });

    it(`that comes in is not captured with bypass of inbound (${backend})`, async () => {
      joined(podLike(backend, { inbound: false }));
      equal(await calls('in', pod.IPV4), 'application');
      equal(await dials('out', client.IPV4), 'outbound');
    });

    it(`from a virtual interface is outbound (${backend})`, async () => {
      joined(podLike(backend, { virtualInterfaces: ['eth0'] }));
      equal(await calls('in', pod.IPV4), 'outbound');
    });

    it(`of a process of the host with the source address of probes is not captured (${backend})`, async () => {
      ofClient.run('ip', ['addr', 'add', '169.254.7.127/32', 'dev', 'eth0']);
      ofClient.run('ip', ['route', 'replace', '10.9.0.0/24', 'dev', 'eth0', 'src', '169.254.7.127']);
      ofPod.run('ip', ['route', 'add', '169.254.7.127/32', 'dev', 'eth0']);
      joined(podLike(backend));
      equal(await calls('probe', pod.IPV4), 'application');
    });

    it(`is captured also after an ACK with an MD5 option from its port (${backend})`, async () => {
      joined(podLike(backend));
      equal(await afterAck(), 'inbound');
    });

    it(`escapes by such an ACK where rules spare open connections by their first packet (${backend})`, async () => {
      joined(podLike(backend), (step) => escapable(step));
      equal(await afterAck(), 'application');
    });
  }

  for (const backend of ['IPTABLES', 'NFT'] as const)
    for (const family of ['IPV4', 'IPV6'] as const)
      it(`of a process of the host passes by the rules of the node, and one that is forwarded does not (${backend}, ${family})`, async function () {
        if (backend === 'IPTABLES' && spawnSync('ipset', ['-v']).error) {
          console.warn('      DID NOT RUN: ipset is not installed');
          this.skip();
        }
        joined(podLike('NFT'));
        ofPod.run('ip', [family === 'IPV4' ? '-4' : '-6', 'route', 'add', 'default', 'via', client[family]]);
        const run = ({ program, args, input }: Command) => ofClient.run(program, args, input);
        const probes = (addresses: readonly string[]) => {
          const saved = backend === 'NFT' ? '' : run(probeLook(family));
          for (const command of probeCommands(backend, family, addresses, saved)) run(command);
        };
        probes(['10.9.0.77', 'fd00:9::77', pod[family]]);
        equal(await calls('probe', pod[family]), 'application');
        probes(['10.9.0.77', 'fd00:9::77']);
        equal(await calls('no-longer', pod[family]), 'inbound');
        probes([pod[family]]);
        equal(await calls('again', pod[family]), 'application');
        equal(await forwarded(family), 'inbound');
        for (const command of probeRemoval(backend, family)) run(command);
        equal(await calls('removed', pod[family]), 'inbound');
      });

  /** A third namespace behind the host calls the pod. */
  async function forwarded(family: 'IPV4' | 'IPV6'): Promise<string> {
    const third = new Namespace();
    try {
      ip(
        'link',
        'add',
        'eth1',
        'netns',
        ofClient.name,
        'type',
        'veth',
        'peer',
        'name',
        'eth1',
        'netns',
        third.name,
      );
      const [gateway, own, flag, prefix] =
        family === 'IPV4' ? ['10.10.0.1', '10.10.0.2', '-4', 24] : ['fd00:10::1', 'fd00:10::2', '-6', 64];
      for (const [end, address] of [
        [ofClient, gateway],
        [third, own],
      ] as const) {
        const nodad = family === 'IPV6' ? ['nodad'] : [];
        ip('-n', end.name, 'addr', 'add', `${address}/${prefix}`, 'dev', 'eth1', ...nodad);
        ip('-n', end.name, 'link', 'set', 'eth1', 'up');
      }
      ip('-n', third.name, flag, 'route', 'add', 'default', 'via', gateway);
      const forwarding = family === 'IPV4' ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding';
      ofClient.run('sh', ['-c', `echo 1 > /proc/sys/net/${forwarding}`]);
      const end = await TrafficEnd.start(third);
      try {
        return await end.ask({ op: 'dial', id: 'forwarded', host: pod[family], port: 8080 });
      } finally {
        await end.stop();
      }
    } finally {
      third.remove();
    }
  }

  async function afterAck(): Promise<string> {
    const localPort = 41_000;
    const ends = { from: client.IPV4, fromPort: localPort, to: pod.IPV4, port: 8080 };
    equal(await outside.ask({ op: 'md5-ack', ...ends }), 'sent');
    return outside.ask({ op: 'dial', id: 'syn', host: pod.IPV4, port: 8080, localPort });
  }
});

/** The other way to spare open connections: redirection only of what opens one, and conntrack as it is by itself. */
function escapable(step: Step): Step {
  if (step.do === 'SET') return step.path.endsWith('tcp_loose') ? { ...step, value: '1' } : step;
  const { command } = step;
  const input = command.input
    .replaceAll('-j REDIRECT --to-ports 15006', '--syn -j REDIRECT --to-ports 15006')
    .replaceAll('redirect to :15006', 'tcp flags & (fin | syn | rst | ack) == syn redirect to :15006');
  return { do: 'RUN', command: { ...command, input } };
}
