import type { Command } from 'commander';
import { all } from '../pages.ts';
import { timestamp, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Intermediate {
  readonly cluster: string;
  readonly keyId: string;
  readonly notAfter: string;
  readonly activated: boolean;
  readonly revoked: boolean;
  readonly acknowledgedBy: readonly string[];
}

interface TrustDomain {
  readonly name: string;
  readonly rootNotAfter: string;
  readonly intermediates: readonly Intermediate[];
}

const nodes =
  'name sequence rootNotAfter intermediates { cluster keyId notAfter activated revoked acknowledgedBy }';

export function trustCommand(program: Command, world: World): void {
  program
    .command('trust')
    .description('trust domains and what signs in them')
    .command('show')
    .description('every trust domain with its root, its intermediates, and which clusters know of each')
    .addHelpText(
      'after',
      '\nAn intermediate is PENDING until every cluster’s proxies know it, ACTIVE when it signs, or REVOKED.\n\nExample:\n  isthmus trust show',
    )
    .action(async (_options: object, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const domains = await all<TrustDomain>(endpoint, { field: 'trustDomains', nodes });
      show(domains, () => tableOf(domains));
    });
}

const stateOf = ({ revoked, activated }: Intermediate): string =>
  revoked ? 'REVOKED' : activated ? 'ACTIVE' : 'PENDING';

const tableOf = (domains: readonly TrustDomain[]): string =>
  table(
    ['trust domain', 'issuer', 'key', 'state', 'not after', 'known to'],
    domains.flatMap(({ name, rootNotAfter, intermediates }) => [
      [name, 'root', '', '', timestamp(rootNotAfter), ''],
      ...intermediates.map((one) => [
        ...[name, one.cluster, one.keyId.slice(0, 12), stateOf(one), timestamp(one.notAfter)],
        one.acknowledgedBy.join(' '),
      ]),
    ]),
  );
