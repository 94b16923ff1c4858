import {
  deliveryMark,
  familyFacts,
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

/** Istio's names: what looks for its rules finds these. */
export const chains: Readonly<Record<Hook, string>> = { PREROUTING: 'ISTIO_PRERT', OUTPUT: 'ISTIO_OUTPUT' };

const hex = (value: number): string => `0x${value.toString(16)}`;
const masked = (mark: number): string => `${hex(mark)}/${hex(markMask)}`;

/** One rule as `iptables-save` writes it, which `iptables-restore` reads. */
export function iptablesRule(rule: Rule, family: RuleFamily): string {
  const { prefix } = familyFacts[family];
  const address = (flag: string, match: Match<string> | undefined) =>
    match && [...negation(match), flag, `${match.value}/${prefix}`];
  const words = [
    ['-A', chains[rule.hook]],
    address('-s', rule.source),
    address('-d', rule.destination),
    rule.fromInterface === undefined ? undefined : ['-i', rule.fromInterface],
    rule.toInterface && [...negation(rule.toInterface), '-o', rule.toInterface.value],
    rule.protocol === undefined ? undefined : ['-p', rule.protocol],
    ports(rule),
    rule.proxyMark && ['-m', 'mark', ...negation(rule.proxyMark), '--mark', masked(proxyMark)],
    rule.deliveryMark && ['-m', 'mark', '--mark', masked(deliveryMark)],
    rule.connectionMark && ['-m', 'connmark', '--mark', masked(deliveryMark)],
    target(rule),
  ];
  return words.flatMap((some) => some ?? []).join(' ');
}

const negation = (match: Match<unknown>): readonly string[] => (match.isNot ? ['!'] : []);

function ports({ protocol, sourcePort, destinationPort }: Rule): readonly string[] | undefined {
  if (protocol === undefined || (sourcePort === undefined && !destinationPort)) return undefined;
  return [
    ...['-m', protocol],
    ...(sourcePort === undefined ? [] : ['--sport', String(sourcePort)]),
    ...(destinationPort ? [...negation(destinationPort), '--dport', String(destinationPort.value)] : []),
  ];
}

function target({ verdict }: Rule): readonly string[] {
  switch (verdict.do) {
    case 'ACCEPT':
    case 'RETURN':
      return ['-j', verdict.do];
    case 'REDIRECT':
      return ['-j', 'REDIRECT', '--to-ports', String(verdict.port)];
    case 'MARK_CONNECTION':
      return ['-j', 'CONNMARK', '--set-xmark', masked(deliveryMark)];
    case 'RESTORE_MARK':
      return ['-j', 'CONNMARK', '--restore-mark', '--nfmask', '0xffffffff', '--ctmask', '0xffffffff'];
    case 'ZONE':
      return ['-j', 'CT', verdict.isOriginal ? '--zone-orig' : '--zone', String(verdict.zone)];
  }
}

/** A jump into one of our chains, which `iptables-save` shows as `-A <hook> -j <chain>`. */
export interface Jump {
  readonly table: Table;
  readonly hook: Hook;
}

const everyJump: readonly Jump[] = tables.flatMap((table) => hooks.map((hook) => ({ table, hook })));

/** What `iptables-save` shows of us in one table. */
export interface SavedTable {
  /** Which of our chains there are. */
  readonly chains: readonly Hook[];
  /** Rules of our chains, as they stand there. */
  readonly rules: readonly string[];
  /** Each jump as often as it is there. */
  readonly jumps: readonly Hook[];
}
export type Saved = Readonly<Record<Table, SavedTable>>;

/** Reads what `iptables-save` has written. What is not ours is passed over. */
export function readSaved(text: string): Saved {
  const of = (table: Table) => savedTable(text.split(`*${table}\n`)[1]?.split('\nCOMMIT')[0] ?? '');
  return { raw: of('raw'), mangle: of('mangle'), nat: of('nat') };
}

function savedTable(block: string): SavedTable {
  const lines = block.split('\n').map((line) => line.trim());
  const ours = Object.values(chains).map((chain) => `-A ${chain} `);
  return {
    chains: hooks.filter((hook) => lines.some((line) => line.startsWith(`:${chains[hook]} `))),
    rules: lines.filter((line) => ours.some((start) => line.startsWith(start))).map(plainly),
    jumps: lines.flatMap((line) => hooks.filter((hook) => line === `-A ${hook} -j ${chains[hook]}`)),
  };
}

/** Versions of `iptables-save` differ in whether a name stands in quotes. */
const plainly = (line: string): string => line.replaceAll('"', '').replaceAll(/ +/g, ' ');

/** What of the rules is not in the kernel, or is there beside them; none: they are whole. */
export function iptablesFaults(rules: readonly Rule[], family: RuleFamily, saved: Saved): readonly string[] {
  return everyJump.flatMap(({ table, hook }) => {
    const start = `-A ${chains[hook]} `;
    const wanted = rules
      .filter((rule) => rule.table === table && rule.hook === hook)
      .map((rule) => iptablesRule(rule, family));
    const found = saved[table].rules.filter((line) => line.startsWith(start));
    const isSame = wanted.length === found.length && wanted.every((line, i) => line === found[i]);
    const jumps = saved[table].jumps.filter((one) => one === hook).length;
    return [
      ...(isSame ? [] : [`chain ${chains[hook]} of ${table} has other rules (${family})`]),
      ...(jumps === 1 ? [] : [`${hook} of ${table} jumps ${jumps} times to ${chains[hook]} (${family})`]),
    ];
  });
}

/**
 * What `iptables-restore --noflush` makes the rules whole with. To name a chain empties it, so applying it twice is
 * harmless; jumps are added where `saved` has none, and removed where it has more than one.
 */
export function iptablesText(rules: readonly Rule[], family: RuleFamily, saved: Saved): string {
  return tables
    .map((table) => {
      const own = rules.filter((rule) => rule.table === table).map((rule) => iptablesRule(rule, family));
      return inTable(table, [
        ...hooks.map((hook) => `:${chains[hook]} - [0:0]`),
        ...own,
        ...hooks.flatMap((hook) => jumpLines(hook, saved[table].jumps.filter((one) => one === hook).length)),
      ]);
    })
    .join('');
}

function jumpLines(hook: Hook, present: number): readonly string[] {
  if (present === 0) return [`-A ${hook} -j ${chains[hook]}`];
  return Array.from({ length: present - 1 }, () => `-D ${hook} -j ${chains[hook]}`);
}

const inTable = (table: Table, lines: readonly string[]): string =>
  ['*' + table, ...lines, 'COMMIT', ''].join('\n');

const dropped = ({ jumps }: SavedTable): readonly string[] =>
  jumps.map((hook) => `-D ${hook} -j ${chains[hook]}`);

/** The first step of leaving, for `iptables-restore --noflush`: no jump of `nat` is left. '': there is none. */
export const iptablesUnjump = ({ nat }: Saved): string =>
  nat.jumps.length === 0 ? '' : inTable('nat', dropped(nat));

/** The second: nothing of us is left. '': nothing is there. */
export const iptablesRemoval = (saved: Saved): string =>
  tables
    .filter((table) => saved[table].chains.length > 0)
    .map((table) => {
      const names = saved[table].chains.map((hook) => chains[hook]);
      const clearing = ['-F', '-X'].flatMap((flag) => names.map((name) => `${flag} ${name}`));
      return inTable(table, [...dropped(saved[table]), ...clearing]);
    })
    .join('');
