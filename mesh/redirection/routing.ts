import { deliveryMark, markMask, type RuleFamily } from './rule.ts';

/** Where packets with the mark of deliveries are routed: to this machine, whatever their address. */
const table = 100;
const preference = 32_764;
const flag = { IPV4: '-4', IPV6: '-6' } as const;
const everything = { IPV4: '0.0.0.0/0', IPV6: '::/0' } as const;
const mark = `0x${deliveryMark.toString(16)}/0x${markMask.toString(16)}`;

/** Arguments of `ip`. */
export type IpArguments = readonly string[];

/** What shows the routing rules, and the routes of the table, which need not be there. */
export const showRules = (family: RuleFamily): IpArguments => [flag[family], 'rule', 'show'];
export const showRoutes = (family: RuleFamily): IpArguments => [
  ...[flag[family], 'route', 'show', 'table', String(table)],
];

/** What `showRules` and `showRoutes` have printed. */
export interface FoundRouting {
  readonly rules: string;
  readonly routes: string;
}

const ourRule = new RegExp(`^${preference}:\\s+from all fwmark ${mark} lookup ${table}\\s*$`);
const rulesIn = (text: string): number => text.split('\n').filter((line) => ourRule.test(line)).length;
const hasRoute = (text: string): boolean =>
  text.split('\n').some((line) => /^local (default|0\.0\.0\.0\/0|::\/0) dev lo\b/.test(line.trim()));

/** What of the routing is missing; none: it is whole. */
export function routingFaults(family: RuleFamily, { rules, routes }: FoundRouting): readonly string[] {
  const count = rulesIn(rules);
  return [
    ...(count === 1 ? [] : [`there are ${count} routing rules for the mark ${mark} (${family})`]),
    ...(hasRoute(routes) ? [] : [`table ${table} has no local route (${family})`]),
  ];
}

/** What makes it whole: `route replace` may run twice; a rule that is added twice is there twice. */
export function routingArguments(family: RuleFamily, { rules }: FoundRouting): readonly IpArguments[] {
  const own = ['fwmark', mark, 'pref', String(preference), 'lookup', String(table)];
  const count = rulesIn(rules);
  const route = [
    flag[family],
    'route',
    'replace',
    'local',
    everything[family],
    'dev',
    'lo',
    'table',
    String(table),
  ];
  const added = count === 0 ? [[flag[family], 'rule', 'add', ...own]] : [];
  const removed = Array.from({ length: count - 1 }, () => [flag[family], 'rule', 'del', ...own]);
  return [route, ...added, ...removed];
}

/** What removes it all. */
export function routingRemoval(family: RuleFamily, { rules, routes }: FoundRouting): readonly IpArguments[] {
  const own = ['fwmark', mark, 'pref', String(preference), 'lookup', String(table)];
  const removed = Array.from({ length: rulesIn(rules) }, () => [flag[family], 'rule', 'del', ...own]);
  return hasRoute(routes)
    ? [
        ...removed,
        [flag[family], 'route', 'del', 'local', everything[family], 'dev', 'lo', 'table', String(table)],
      ]
    : removed;
}
