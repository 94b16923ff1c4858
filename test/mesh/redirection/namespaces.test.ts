import { deepEqual, equal, match } from 'node:assert/strict';
import { hasIpv6 } from '@isthmus/mesh/redirection/settings.ts';
import {
  captures,
  clearing,
  faultsOf,
  isMarked,
  joining,
  leaving,
  type Backend,
} from '@isthmus/mesh/redirection/steps.ts';
import { Namespace, withNamespaces } from '../../fakes/network-namespaces.ts';
import { apply, lookAt, podLike } from './applied.ts';

const backends: readonly Backend[] = ['IPTABLES', 'NFT'];
const options = {
  'without DNS': { dns: false },
  'with DNS': { dns: true },
  'of what it calls alone': { inbound: false },
  'with virtual machines behind interfaces': { virtualInterfaces: ['k6t-eth0', 'vif.1@x'] },
};

withNamespaces('the rules of a pod in the kernel', ['iptables', 'nft'], () => {
  let pod: Namespace;
  beforeEach(() => {
    pod = new Namespace();
  });
  afterEach(() => pod.remove());

  for (const backend of backends) {
    const join = (over = {}) => {
      const redirection = podLike(backend, over);
      apply(pod, joining(redirection, lookAt(pod, redirection)));
      return redirection;
    };

    for (const [name, over] of Object.entries(options))
      it(`are whole once they are applied, ${name} (${backend})`, () => {
        const redirection = podLike(backend, over);
        equal(isMarked(redirection, lookAt(pod, redirection)), false);
        join(over);
        const found = lookAt(pod, redirection);
        deepEqual(faultsOf(redirection, found), []);
        equal(isMarked(redirection, found), true);
      });

    it(`are the same when they are applied twice (${backend})`, () => {
      const redirection = join();
      const once = lookAt(pod, redirection).printed.map(({ text }) => text);
      join();
      const twice = lookAt(pod, redirection).printed.map(({ text }) => text);
      const timeless = (texts: readonly string[]) =>
        texts.map((text) => text.split('\n').filter((line) => !line.startsWith('#')));
      deepEqual(timeless(twice), timeless(once));
    });

    it(`replace those of other options (${backend})`, () => {
      join({ dns: true });
      const redirection = join({ dns: false });
      deepEqual(faultsOf(redirection, lookAt(pod, redirection)), []);
    });

    const damages: Readonly<Record<string, readonly [string, ...string[]]>> = {
      'the routing rule': ['ip', 'rule', 'del', 'pref', '32764'],
      'the route': ['ip', 'route', 'flush', 'table', '100'],
      'the routing rule of IPv6': ['ip', '-6', 'rule', 'del', 'pref', '32764'],
      'a setting': ['sh', '-c', 'echo 1 > /proc/sys/net/netfilter/nf_conntrack_tcp_loose'],
      'a rule':
        backend === 'NFT'
          ? ['nft', 'flush', 'chain', 'inet', 'isthmus', 'mangle-output']
          : ['iptables', '-t', 'mangle', '-D', 'ISTIO_OUTPUT', '1'],
      'a chain':
        backend === 'NFT'
          ? ['nft', 'delete', 'chain', 'inet', 'isthmus', 'nat-prerouting']
          : ['ip6tables', '-t', 'nat', '-D', 'PREROUTING', '-j', 'ISTIO_PRERT'],
    };
    for (const [what, [program, ...args]] of Object.entries(damages))
      it(`are not whole after a change of ${what}, and are repaired (${backend})`, () => {
        const redirection = join();
        pod.run(program, args);
        equal(captures(redirection, lookAt(pod, redirection)), false);
        equal(faultsOf(redirection, lookAt(pod, redirection)).length, 1);
        join();
        deepEqual(faultsOf(redirection, lookAt(pod, redirection)), []);
      });

    it(`leave nothing behind (${backend})`, () => {
      const redirection = podLike(backend);
      const before = lookAt(pod, redirection);
      join();
      apply(pod, leaving(redirection, lookAt(pod, redirection)));
      equal(captures(redirection, lookAt(pod, redirection)), false);
      apply(pod, clearing(redirection, lookAt(pod, redirection)));
      const after = lookAt(pod, redirection);
      equal(isMarked(redirection, after), false);
      deepEqual(after.settings, before.settings);
      const routing = (found: typeof after) =>
        found.printed.filter(({ look }) => look.of !== 'RULES').map(({ text }) => text);
      deepEqual(routing(after), routing(before));
      apply(pod, leaving(redirection, lookAt(pod, redirection)));
      apply(pod, clearing(redirection, lookAt(pod, redirection)));
    });
  }

  it('of another program beside ours stay', () => {
    pod.run('iptables', ['-t', 'nat', '-A', 'OUTPUT', '-p', 'tcp', '--dport', '81', '-j', 'ACCEPT']);
    const redirection = podLike('IPTABLES');
    apply(pod, joining(redirection, lookAt(pod, redirection)));
    apply(pod, clearing(redirection, lookAt(pod, redirection)));
    match(pod.run('iptables-save', ['-t', 'nat']), /--dport 81 -j ACCEPT/);
  });

  it('are those of IPv4 alone where no interface has IPv6', () => {
    const conf = pod.run('sh', ['-c', 'cd /proc/sys/net/ipv6/conf; for f in *; do echo $f; done']).trim();
    const read = () =>
      new Map(
        conf
          .split('\n')
          .map((name) => [name, pod.run('cat', [`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`]).trim()]),
      );
    equal(hasIpv6(read()), true);
    pod.run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6']);
    equal(hasIpv6(read()), false);
  });
});
