import type { Namespace } from '../fakes/namespaces.ts';

// As much of a pod's rules as these tests need (docs/adr/0096; Istio's in-pod redirection): connections that were open live on,
// new ones go to the proxy's listeners, and replies to addresses that are not the pod's come back to it.

const settings = [
  'net.netfilter.nf_conntrack_tcp_loose=0',
  'net.ipv4.tcp_tw_reuse=1',
  'net.ipv4.tcp_migrate_req=1',
];

const families = [
  { ip: '-4', restore: 'iptables-restore', loopback: '127.0.0.1/32', all: '0.0.0.0/0' },
  { ip: '-6', restore: 'ip6tables-restore', loopback: '::1/128', all: '::/0' },
];

const rules = (loopback: string): string => `*raw
-A PREROUTING -p tcp -m mark --mark 0x539/0xfff -j CT --zone-orig 2
-A OUTPUT -p tcp -m mark --mark 0x539/0xfff -j CT --zone-orig 2
COMMIT
*mangle
-A PREROUTING -m mark --mark 0x539/0xfff -j CONNMARK --set-xmark 0x111/0xfff
-A OUTPUT -m connmark --mark 0x111/0xfff -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
COMMIT
*nat
-A PREROUTING ! -d ${loopback} -p tcp ! --dport 15008 -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15006
-A OUTPUT -p tcp -m mark --mark 0x111/0xfff -j ACCEPT
-A OUTPUT ! -d ${loopback} -o lo -j ACCEPT
-A OUTPUT ! -d ${loopback} -p tcp -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15001
COMMIT
`;

/** Sends the traffic of a namespace to the listeners in it, which are open. */
export function redirect(pod: Namespace): void {
  for (const { ip, restore, loopback, all } of families) {
    pod.ip(ip, 'rule', 'add', 'fwmark', '0x111/0xfff', 'pref', '32764', 'lookup', '100');
    pod.ip(ip, 'route', 'add', 'local', all, 'dev', 'lo', 'table', '100');
    pod.run(restore, ['--noflush'], rules(loopback));
  }
  for (const one of settings) pod.run('sysctl', ['-qw', one]);
}
