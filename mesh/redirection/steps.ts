import {
  iptablesFaults,
  iptablesRemoval,
  iptablesText,
  iptablesUnjump,
  readSaved,
  type Saved,
} from './iptables.ts';
import { nftFaults, nftRemoval, nftTable, nftText, nftUnjump, type RulesByFamily } from './nft.ts';
import type { PodOptions } from './pod-options.ts';
import { podRules } from './pod-rules.ts';
import {
  routingArguments,
  routingFaults,
  routingRemoval,
  showRoutes,
  showRules,
  type FoundRouting,
} from './routing.ts';
import type { RuleFamily } from './rule.ts';
import { podSettings, settingFaults, type FoundSettings } from './settings.ts';

/** The program that writes rules: on a node one of them works, or both. */
export type Backend = 'IPTABLES' | 'NFT';

/** What a pod's namespace is to have. */
export interface Redirection {
  readonly options: PodOptions;
  readonly backend: Backend;
  readonly families: readonly RuleFamily[];
}

/** A program with its arguments, run inside the namespace, and what it reads on standard input. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly input: string;
}

/** One step; a step that fails ends those after it. */
export type Step =
  | { readonly do: 'SET'; readonly path: string; readonly value: string }
  | { readonly do: 'RUN'; readonly command: Command };

const command = (program: string, args: readonly string[], input = ''): Command => ({ program, args, input });
const run = (program: string, args: readonly string[], input = ''): Step => ({
  do: 'RUN',
  command: command(program, args, input),
});

/** Programs of iptables by family. Seconds: how long they wait for another program's lock. */
const programs = {
  IPV4: { save: 'iptables-save', restore: 'iptables-restore' },
  IPV6: { save: 'ip6tables-save', restore: 'ip6tables-restore' },
} as const;
const restoreArguments = ['--wait', '10', '--noflush'];

/** What is read of a namespace before each change and after it, by what the answer is of. */
export interface Look {
  readonly of: 'RULES' | 'ROUTING_RULES' | 'ROUTES';
  readonly family: RuleFamily;
  readonly command: Command;
  /** What it shows need not be there: then it fails, and there is nothing. */
  readonly mayFail: boolean;
}

/** What is to be run, in any order, to see what a namespace has. */
export function looks({ backend, families }: Pick<Redirection, 'backend' | 'families'>): readonly Look[] {
  const rules = (family: RuleFamily): Look => ({
    of: 'RULES',
    family,
    command: command(programs[family].save, []),
    mayFail: false,
  });
  // One table has both families.
  const listing = command('nft', ['list', 'table', ...nftTable.split(' ')]);
  const table: Look = { of: 'RULES', family: 'IPV4', command: listing, mayFail: true };
  return [
    ...(backend === 'NFT' ? [table] : families.map(rules)),
    ...families.flatMap((family): readonly Look[] => [
      { of: 'ROUTING_RULES', family, command: command('ip', showRules(family)), mayFail: false },
      { of: 'ROUTES', family, command: command('ip', showRoutes(family)), mayFail: true },
    ]),
  ];
}

/** What a namespace has. */
export interface Found {
  readonly settings: FoundSettings;
  /** What each look has printed; '' of one that failed and may. */
  readonly printed: readonly { readonly look: Look; readonly text: string }[];
}

const printedOf = ({ printed }: Found, of: Look['of'], family: RuleFamily): string =>
  printed.find(({ look }) => look.of === of && look.family === family)?.text ?? '';

const routingOf = (found: Found, family: RuleFamily): FoundRouting => ({
  rules: printedOf(found, 'ROUTING_RULES', family),
  routes: printedOf(found, 'ROUTES', family),
});

const savedOf = (found: Found, family: RuleFamily): Saved => readSaved(printedOf(found, 'RULES', family));

const rulesOf = ({ options, families }: Redirection): RulesByFamily =>
  new Map(families.map((family) => [family, podRules(family, options)]));

/**
 * What a namespace lacks, or has beside what it is to have, of the whole: settings, rules, jumps, the routing rule and the
 * route. None: new connections are captured, and deliveries find their way back.
 */
export function faultsOf(redirection: Redirection, found: Found): readonly string[] {
  const { backend, families } = redirection;
  const rules = rulesOf(redirection);
  const ofRules =
    backend === 'NFT'
      ? nftFaults(rules, printedOf(found, 'RULES', 'IPV4'))
      : families.flatMap((family) => iptablesFaults(rules.get(family) ?? [], family, savedOf(found, family)));
  return [
    ...settingFaults(found.settings),
    ...families.flatMap((family) => routingFaults(family, routingOf(found, family))),
    ...ofRules,
  ];
}

/**
 * What makes a namespace whole, once a proxy listens there: the settings first, so that connections that are open live on,
 * then the way back for deliveries, and the rules last. Harmless where it is whole already.
 */
export function joining(redirection: Redirection, found: Found): readonly Step[] {
  const { backend, families } = redirection;
  const rules = rulesOf(redirection);
  return [
    ...podSettings.map(({ path, value }): Step => ({ do: 'SET', path, value })),
    ...families.flatMap((family) =>
      routingArguments(family, routingOf(found, family)).map((args) => run('ip', args)),
    ),
    ...(backend === 'NFT'
      ? [run('nft', ['-f', '-'], nftText(rules))]
      : families.map((family) =>
          run(
            programs[family].restore,
            restoreArguments,
            iptablesText(rules.get(family) ?? [], family, savedOf(found, family)),
          ),
        )),
  ];
}

/** The first step of leaving: new connections are direct, and those that were redirected live on. */
export function leaving({ backend, families }: Redirection, found: Found): readonly Step[] {
  if (backend === 'NFT')
    return printedOf(found, 'RULES', 'IPV4') === '' ? [] : [run('nft', ['-f', '-'], nftUnjump())];
  return restored(families, (family) => iptablesUnjump(savedOf(found, family)));
}

/** The second, after the proxy has drained: nothing of us is left, and settings are the kernel's own again. */
export function clearing({ backend, families }: Redirection, found: Found): readonly Step[] {
  const rules =
    backend === 'NFT'
      ? [run('nft', ['-f', '-'], nftRemoval())]
      : restored(families, (family) => iptablesRemoval(savedOf(found, family)));
  return [
    ...rules,
    ...families.flatMap((family) =>
      routingRemoval(family, routingOf(found, family)).map((args) => run('ip', args)),
    ),
    ...podSettings
      .filter(({ path, value }) => found.settings.get(path) === value)
      .map(({ path, original }): Step => ({ do: 'SET', path, value: original })),
  ];
}

const restored = (families: readonly RuleFamily[], text: (family: RuleFamily) => string): readonly Step[] =>
  families.flatMap((family) => {
    const input = text(family);
    return input === '' ? [] : [run(programs[family].restore, restoreArguments, input)];
  });

/** Whether anything of us is there: also what is not whole. Settings alone do not say it, as a pod may have its own. */
export const isMarked = ({ backend, families }: Redirection, found: Found): boolean =>
  families.some((family) => {
    const { raw, mangle, nat } = savedOf(found, family);
    const hasChains = [raw, mangle, nat].some(({ chains }) => chains.length > 0);
    return backend === 'NFT' ? printedOf(found, 'RULES', 'IPV4') !== '' : hasChains;
  });

/** Whether new connections are redirected, by all that is needed for it. */
export const captures = (redirection: Redirection, found: Found): boolean =>
  faultsOf(redirection, found).length === 0;
