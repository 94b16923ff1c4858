import type { Command } from 'commander';
import { all } from '../pages.ts';
import { timestamp, table } from '../print.ts';
import { invocation } from '../run.ts';
import type { World } from '../world.ts';

interface Certificate {
  readonly identity: string;
  readonly serial: string | null;
  readonly notAfter: string | null;
  readonly problem: string | null;
  readonly reported: boolean;
}

interface Proxy {
  readonly kind: string;
  readonly namespace: string;
  readonly pod: string;
  readonly node: string;
  readonly version: string;
  readonly upstream: boolean;
  readonly connectedSince: string;
  readonly complete: boolean;
  readonly resources: readonly {
    readonly type: string;
    readonly acknowledged: number;
    readonly rejected: number;
  }[];
  readonly certificates: readonly Certificate[];
  readonly self: {
    readonly openConnections: number;
    readonly unbound: readonly { readonly address: string; readonly port: number; readonly code: string }[];
  } | null;
}

const nodes = `cluster kind namespace pod node version upstream connectedSince complete
  resources { type acknowledged rejected }
  certificates { identity serial issuerKeyId notAfter problem reported }
  self { startedAt openConnections leftOut refused refusedLast unbound { address port code }
    connects { kind address port cluster connected unreached untrusted refused silent lastFailureAt }
    destinations { service requests failures inFlight } }`;

const help = `
The hub asks the agent of the cluster: the command fails with status 3 while that agent is not connected.

Columns:
  acknowledged   resources that the proxy has applied; (incomplete): it has not received everything yet
  rejected       resources that it refused, by type
  certificates   how many it holds, and when the first of them expires; issued: the agent issued them, and the
                 proxy does not report which of them it holds
  unbound        ports that it could not bind, and why
  open           open connections

Proxies of Isthmus report the last three themselves. Istio’s own proxies do not: unbound and open say not reported, and
certificates counts those that the agent issued, or says not reported when it issued none.
-o json also has each certificate, resources by type, dial results by address and load by service.

Example:
  isthmus proxies east`;

export function proxiesCommand(program: Command, world: World): void {
  program
    .command('proxies')
    .description('list the connected proxies of a cluster, as its agent sees them now')
    .argument('<cluster>')
    .addHelpText('after', help)
    .action(async (cluster: string, _options: object, command: Command) => {
      const { endpoint, show } = invocation(command, world);
      const proxies = await all<Proxy>(endpoint, {
        field: 'proxies',
        nodes,
        arguments: { cluster: { type: 'String!', value: cluster } },
      });
      show(proxies, () => (proxies.length === 0 ? `${cluster} has no connected proxies` : tableOf(proxies)));
    });
}

const heading = [
  'proxy',
  'node',
  'version',
  'connected since',
  'acknowledged',
  'rejected',
  'certificates',
  'unbound',
  'open',
];

const tableOf = (proxies: readonly Proxy[]): string => table(heading, proxies.map(row));

const notReported = 'not reported';

const row = (proxy: Proxy): readonly (string | number)[] => [
  `${proxy.kind} ${proxy.namespace}/${proxy.pod}`,
  proxy.node,
  versionOf(proxy),
  timestamp(proxy.connectedSince),
  `${countOf(proxy, 'acknowledged')}${proxy.complete ? '' : ' (incomplete)'}`,
  byType(proxy),
  certificatesOf(proxy),
  proxy.self ? unboundOf(proxy.self.unbound) : notReported,
  proxy.self?.openConnections ?? notReported,
];

const unboundOf = (unbound: NonNullable<Proxy['self']>['unbound']): string =>
  unbound.map(({ address, port, code }) => `${address}:${port} ${code}`).join(', ') || '-';

function versionOf({ version, upstream }: Proxy): string {
  if (!upstream) return version;
  return version === '' ? 'Istio' : `Istio ${version}`;
}

const countOf = ({ resources }: Proxy, what: 'acknowledged' | 'rejected'): number =>
  resources.reduce((sum, one) => sum + one[what], 0);

/** Rejected resources by the last part of their type's name: `2 Address`. */
const byType = ({ resources }: Proxy): string =>
  resources
    .filter(({ rejected }) => rejected > 0)
    .map(({ type, rejected }) => `${rejected} ${type.slice(type.lastIndexOf('.') + 1)}`)
    .join(', ') || '0';

/** How many, and when the first of them ends; what is wrong with any. */
function certificatesOf({ certificates, self }: Proxy): string {
  if (certificates.length === 0) return self ? 'none' : notReported;
  const ends = certificates.flatMap(({ notAfter }) => (notAfter === null ? [] : [notAfter])).sort();
  const failed = certificates.filter(({ problem }) => problem !== null);
  const [first] = ends;
  return [
    `${certificates.length}${certificates.some(({ reported }) => reported) ? '' : ' issued'}`,
    ...(first === undefined ? [] : [`until ${timestamp(first)}`]),
    ...(failed.length === 0 ? [] : [`${failed.length} failing: ${failed[0]?.problem ?? ''}`]),
  ].join(', ');
}
