import { familyFacts, type RuleFamily } from './rule.ts';
import type { Backend, Command } from './steps.ts';

/**
 * Rules of a node, so that kubelet's probes of captured pods pass: what processes of the host send to these pods gets the
 * source address of probes, which the rules of the pods let through. It holds for every process of the host, and for pods
 * with its network: they reach the node's pods in plaintext.
 */

/** Addresses of captured pods on this node, each once. */
export type ProbedAddresses = readonly string[];

const chain = 'ISTHMUS_POSTRT';
const setOf = { IPV4: 'isthmus-probes-v4', IPV6: 'isthmus-probes-v6' } as const;
const setFamily = { IPV4: 'inet', IPV6: 'inet6' } as const;
const tableOf = { IPV4: 'ip isthmus-probes', IPV6: 'ip6 isthmus-probes' } as const;
const keyword = { IPV4: 'ip', IPV6: 'ip6' } as const;
const programs = {
  IPV4: { save: 'iptables-save', restore: 'iptables-restore' },
  IPV6: { save: 'ip6tables-save', restore: 'ip6tables-restore' },
} as const;

const ofFamily = (family: RuleFamily, addresses: ProbedAddresses): ProbedAddresses =>
  addresses.filter((address) => address.includes(':') === (family === 'IPV6'));

/** What shows whether the rule is there; only iptables needs it. */
export const probeLook = (family: RuleFamily): Command => ({
  program: programs[family].save,
  args: ['-t', 'nat'],
  input: '',
});

/**
 * What makes the rules of a family whole with exactly these addresses, in this order, whatever was there. `saved`: what
 * `probeLook` has printed; '' with nft alone.
 */
export const probeCommands = (
  backend: Backend,
  family: RuleFamily,
  addresses: ProbedAddresses,
  saved: string,
): readonly Command[] => {
  const own = ofFamily(family, addresses);
  if (backend === 'NFT') return [{ program: 'nft', args: ['-f', '-'], input: nftProbes(family, own) }];
  return [
    { program: 'ipset', args: ['restore', '-exist'], input: ipsetText(family, own) },
    {
      program: programs[family].restore,
      args: ['--wait', '10', '--noflush'],
      input: iptablesProbes(family, saved),
    },
  ];
};

/** Sets are filled beside the one in use and swapped, so that no probe is without its rule meanwhile. */
function ipsetText(family: RuleFamily, addresses: ProbedAddresses): string {
  const set = setOf[family];
  const next = `${set}-new`;
  const create = (name: string) => `create ${name} hash:ip family ${setFamily[family]}`;
  return [
    ...[create(set), create(next), `flush ${next}`],
    ...addresses.map((address) => `add ${next} ${address}`),
    ...[`swap ${next} ${set}`, `destroy ${next}`, ''],
  ].join('\n');
}

/** The rule matches only packets of sockets of this machine: what is forwarded for other pods has none. */
function iptablesProbes(family: RuleFamily, saved: string): string {
  const jump = `POSTROUTING -j ${chain}`;
  const present = saved.split('\n').filter((line) => line.trim() === `-A ${jump}`).length;
  return [
    '*nat',
    `:${chain} - [0:0]`,
    `-A ${chain} -p tcp -m owner --socket-exists -m set --match-set ${setOf[family]} dst -j SNAT --to-source ${familyFacts[family].probe}`,
    ...Array.from({ length: present }, () => `-D ${jump}`),
    // Before the masquerading of other programs.
    `-I POSTROUTING 1 -j ${chain}`,
    'COMMIT',
    '',
  ].join('\n');
}

/** Before iptables' own chain of source addresses, which is at 100. `skuid`: as `socket-exists`. */
function nftProbes(family: RuleFamily, addresses: ProbedAddresses): string {
  const table = tableOf[family];
  const type = family === 'IPV4' ? 'ipv4_addr' : 'ipv6_addr';
  const probe = familyFacts[family].probe;
  return [
    `add table ${table}`,
    `add set ${table} pods { type ${type}; }`,
    `flush set ${table} pods`,
    ...(addresses.length === 0 ? [] : [`add element ${table} pods { ${addresses.join(', ')} }`]),
    `add chain ${table} postrouting { type nat hook postrouting priority 99; policy accept; }`,
    `flush chain ${table} postrouting`,
    `add rule ${table} postrouting meta l4proto tcp ${keyword[family]} daddr @pods meta skuid >= 0 snat to ${probe}`,
    '',
  ].join('\n');
}

/** What removes them; a command that fails ends nothing, as what it removes need not be there. */
export function probeRemoval(backend: Backend, family: RuleFamily): readonly Command[] {
  if (backend === 'NFT') {
    const input = `add table ${tableOf[family]}\ndelete table ${tableOf[family]}\n`;
    return [{ program: 'nft', args: ['-f', '-'], input }];
  }
  const lines = ['*nat', `-D POSTROUTING -j ${chain}`, `-F ${chain}`, `-X ${chain}`, 'COMMIT', ''];
  return [
    { program: programs[family].restore, args: ['--wait', '10', '--noflush'], input: lines.join('\n') },
    { program: 'ipset', args: ['destroy', setOf[family]], input: '' },
  ];
}
