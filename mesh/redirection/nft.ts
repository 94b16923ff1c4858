import { createHash } from 'node:crypto';
import {
  deliveryMark,
  hooks,
  markMask,
  proxyMark,
  tables,
  type Hook,
  type Match,
  type Rule,
  type RuleFamily,
  type Table,
} from './rule.ts';

/** One table has the rules of both families, so that they are replaced in one transaction. */
export const nftTable = 'inet isthmus';

const hex = (value: number): string => `0x${value.toString(16)}`;
const keyword = { IPV4: 'ip', IPV6: 'ip6' } as const;
const protocolFamily = { IPV4: 'ipv4', IPV6: 'ipv6' } as const;

/** Those of iptables' tables; a chain of output that changes marks must route again. */
const types: Readonly<Record<Table, Readonly<Record<Hook, string>>>> = {
  raw: { PREROUTING: 'filter hook prerouting priority -300', OUTPUT: 'filter hook output priority -300' },
  mangle: { PREROUTING: 'filter hook prerouting priority -150', OUTPUT: 'route hook output priority -150' },
  nat: { PREROUTING: 'nat hook prerouting priority -100', OUTPUT: 'nat hook output priority -100' },
};

const chainOf = (table: Table, hook: Hook): string => `${table}-${hook.toLowerCase()}`;

const not = (match: Match<unknown>): string => (match.isNot ? '!= ' : '');
const bits = (what: string, mark: number, isNot = false): string =>
  `${what} & ${hex(markMask)} ${isNot ? '!=' : '=='} ${hex(mark)}`;

/** A rule in the syntax of nft, without its comment. */
export function nftRule(rule: Rule, family: RuleFamily): string {
  const { protocol, sourcePort, destinationPort } = rule;
  const words = [
    `meta nfproto ${protocolFamily[family]}`,
    rule.source && `${keyword[family]} saddr ${not(rule.source)}${rule.source.value}`,
    rule.destination && `${keyword[family]} daddr ${not(rule.destination)}${rule.destination.value}`,
    rule.fromInterface === undefined ? undefined : `iifname "${rule.fromInterface}"`,
    rule.toInterface && `oifname ${not(rule.toInterface)}"${rule.toInterface.value}"`,
    protocol === undefined ? undefined : `meta l4proto ${protocol}`,
    sourcePort === undefined ? undefined : `${protocol} sport ${sourcePort}`,
    destinationPort && `${protocol} dport ${not(destinationPort)}${destinationPort.value}`,
    rule.proxyMark && bits('meta mark', proxyMark, rule.proxyMark.isNot),
    rule.deliveryMark && bits('meta mark', deliveryMark),
    rule.connectionMark && bits('ct mark', deliveryMark),
    statement(rule),
  ];
  return words.filter((word) => word !== undefined).join(' ');
}

function statement({ verdict }: Rule): string {
  switch (verdict.do) {
    case 'ACCEPT':
    case 'RETURN':
      return verdict.do.toLowerCase();
    case 'REDIRECT':
      return `redirect to :${verdict.port}`;
    case 'MARK_CONNECTION':
      return `ct mark set ct mark & ${hex(0xffffffff - markMask)} | ${hex(deliveryMark)}`;
    case 'RESTORE_MARK':
      return 'meta mark set ct mark';
    case 'ZONE':
      return `ct ${verdict.isOriginal ? 'original ' : ''}zone set ${verdict.zone}`;
  }
}

/** Rules of several families. */
export type RulesByFamily = ReadonlyMap<RuleFamily, readonly Rule[]>;

interface Written {
  readonly text: string;
  /** What a listing shows the rule by: versions of nft write one rule in several ways, but a comment in one. */
  readonly comment: string;
}

function writtenIn(table: Table, hook: Hook, rules: RulesByFamily): readonly Written[] {
  const texts = [...rules].flatMap(([family, some]) =>
    some.filter((rule) => rule.table === table && rule.hook === hook).map((rule) => nftRule(rule, family)),
  );
  return texts.map((text, i) => {
    const comment = `isthmus ${i} ${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
    return { text, comment };
  });
}

const everyChain = tables.flatMap((table) => hooks.map((hook) => ({ table, hook })));

/** What `nft -f -` makes the rules whole with, in one transaction; applying it twice is harmless. */
export function nftText(rules: RulesByFamily): string {
  const declared = everyChain.flatMap(({ table, hook }) => [
    `add chain ${nftTable} ${chainOf(table, hook)} { type ${types[table][hook]}; policy accept; }`,
    `flush chain ${nftTable} ${chainOf(table, hook)}`,
  ]);
  const added = everyChain.flatMap(({ table, hook }) =>
    writtenIn(table, hook, rules).map(
      ({ text, comment }) => `add rule ${nftTable} ${chainOf(table, hook)} ${text} comment "${comment}"`,
    ),
  );
  return [`add table ${nftTable}`, ...declared, ...added, ''].join('\n');
}

/** What of the rules `nft list table` does not show, or shows beside them; none: they are whole. */
export function nftFaults(rules: RulesByFamily, listing: string): readonly string[] {
  return everyChain.flatMap(({ table, hook }) => {
    const name = chainOf(table, hook);
    const [, body] = new RegExp(`chain ${name} \\{\\n([^}]*)\\}`).exec(listing) ?? [];
    if (body === undefined) return [`there is no chain ${name}`];
    const [head = '', ...lines] = body
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    const found = lines.map((line) => / comment "([^"]*)"$/.exec(line)?.[1]);
    const wanted = writtenIn(table, hook, rules).map(({ comment }) => comment);
    const isSame = found.length === wanted.length && wanted.every((comment, i) => comment === found[i]);
    const isHooked = head.startsWith('type ') && head.includes('policy accept');
    return isSame && isHooked ? [] : [`chain ${name} has other rules`];
  });
}

/**
 * The first step of leaving: no new connection is redirected. The chains stay, as without them the kernel would no longer
 * translate the connections that were.
 */
export const nftUnjump = (): string =>
  hooks.map((hook) => `flush chain ${nftTable} ${chainOf('nat', hook)}\n`).join('');

/** The second: nothing of us is left. Adding the table first lets it be removed where there is none. */
export const nftRemoval = (): string => `add table ${nftTable}\ndelete table ${nftTable}\n`;
