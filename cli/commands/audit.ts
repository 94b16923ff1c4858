import { Option, type Command } from 'commander';
import { pastTime, nonEmpty, someOf, wholeNumber } from '../arguments.ts';
import { differences, shortened } from '../audit-diff.ts';
import { firstOf } from '../pages.ts';
import { lines, timestamp, plain, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

const outcomes = ['DONE', 'UNCHANGED', 'DRY_RUN', 'REFUSED', 'DENIED'] as const;

interface Entry {
  readonly at: string;
  readonly lastAt: string;
  readonly count: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly reason: string;
  readonly outcome: (typeof outcomes)[number];
  readonly revision: number;
  readonly errors: readonly {
    readonly code: string;
    readonly field: readonly string[];
    readonly message: string;
  }[];
}

interface WholeEntry extends Entry {
  readonly input: unknown;
  readonly before: Readonly<Record<string, unknown>>;
  readonly after: Readonly<Record<string, unknown>>;
  readonly omitted: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

interface AuditOptions {
  readonly since?: string;
  readonly until?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  readonly outcome?: readonly string[];
  readonly denied?: boolean;
  readonly system?: boolean;
  readonly diff?: boolean;
  readonly first: number;
}

const heads = 'at lastAt count actor action subject reason outcome revision errors { code field message }';
const whole = `id ${heads} system input before after omitted { path bytes sha256 }`;

const maxInput = 2000;

export function auditCommand(program: Command, world: World): void {
  const at = pastTime(() => world.now());
  program
    .command('audit')
    .description('who asked for what, when and why, and what came of it, newest first')
    .option('--since <time>', 'not before: a span before now such as 2h, or ISO 8601', at)
    .option('--until <time>', 'not after: the same', at)
    .option('--actor <name>', 'only by this caller', nonEmpty)
    .option('--action <name>', 'only this mutation; authenticate, join and link: callers', nonEmpty)
    .option(
      '--subject <name>',
      'only about this object, with or without its kind: cluster/east, east',
      nonEmpty,
    )
    .addOption(
      new Option('--outcome <list>', `only these, comma-separated: ${outcomes.join(', ')}`).argParser(
        someOf(outcomes),
      ),
    )
    .addOption(new Option('--denied', 'only callers that were denied: --outcome DENIED').conflicts('outcome'))
    .option('--system', 'what the hub and agents did by themselves too')
    .option('--diff', 'with the input, and what changed, field by field')
    .option('--first <n>', 'at most so many', wholeNumber(1, 10_000), 50)
    .addHelpText(
      'after',
      '\nExamples:\n  isthmus audit --since 2h --diff\n  isthmus audit --subject cluster/east --outcome DONE,REFUSED\n  isthmus audit --denied\n  isthmus audit --first 10000 -o json | jq \'.[] | select(.action == "drainCluster") | .input\'',
    )
    .action(async (options: AuditOptions, command: Command) => {
      const { endpoint, show, isJson } = invocation(command, world);
      const { nodes: entries, more } = await firstOf<WholeEntry>(
        endpoint,
        {
          field: 'auditLog',
          nodes: options.diff || isJson ? whole : heads,
          arguments: { filter: { type: 'AuditFilter', value: filterOf(options) } },
        },
        options.first,
      );
      show(entries, () => {
        if (entries.length === 0) return 'there is no such entry';
        return options.diff ? entries.map(paragraph).join('\n\n') : tableOf(entries);
      });
      if (more)
        world.note(
          `there are more than ${options.first}: --first shows more, --until ${entries.at(-1)?.at ?? ''} older ones\n`,
        );
    });
}

const filterOf = (options: AuditOptions): object => ({
  since: options.since,
  until: options.until,
  actor: options.actor,
  action: options.action,
  subject: options.subject,
  outcomes: options.denied ? ['DENIED'] : options.outcome,
  system: options.system ?? false,
});

const tableOf = (entries: readonly Entry[]): string =>
  table(
    ['at', 'actor', 'action', 'subject', 'outcome', 'times', 'revision', 'reason'],
    entries.map((one) => [
      ...[timestamp(one.at), one.actor, one.action, one.subject || '-', outcomeOf(one), one.count],
      ...[one.revision, one.reason],
    ]),
  );

const outcomeOf = ({ outcome, errors: [first] }: Entry): string =>
  first ? `${outcome} ${first.code}` : outcome;

function paragraph(one: WholeEntry): string {
  const { at, actor, action, subject, outcome, revision, reason } = one;
  const about = subject === '' ? '' : ` ${subject}`;
  const why = reason === '' ? '' : ` (${reason})`;
  const changed = differences(one.before, one.after);
  return lines(
    plain(`${timestamp(at)} ${actor} ${action}${about}: ${outcome}, revision ${revision}${why}`),
    one.count > 1 ? `  ${one.count} times, the last at ${timestamp(one.lastAt)}` : undefined,
    ...one.errors.map(({ code, field, message }) =>
      plain(`  ${code}${field.length > 0 ? ` ${field.join('.')}` : ''}: ${message}`),
    ),
    one.input === null ? undefined : `  input: ${shortened(JSON.stringify(one.input), maxInput)}`,
    outcome === 'DRY_RUN' && changed.length > 0 ? '  would change:' : undefined,
    ...changed.map((line) => `  ${line}`),
    ...one.omitted.map(({ path, bytes, sha256 }) =>
      plain(`  left out, as it is too large: ${path} (${bytes} bytes, sha256:${sha256})`),
    ),
  );
}
