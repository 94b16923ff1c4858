import type { Cluster } from '@isthmus/api/domain/cluster.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { ok } from '@isthmus/mesh/result.ts';
import type { Command, UserError } from '../command/command.ts';
import { refusal, refuse } from '../command/refuse.ts';
import { byHub, type CommandRunner } from '../command/run.ts';
import { written, type ChangeSet } from '../observation/change-set.ts';
import { untilStored } from '../command/until-stored.ts';
import type { Live } from '../state/live.ts';
import type { Now } from '../state/now.ts';
import type { Stored } from '../store/store.ts';
import { auditSubject } from '../command/audit-subject.ts';

/** Names of networks are values of the label `topology.istio.io/network`: Kubernetes' rule for label values. */
const networkName = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/** What is wrong with the name of a network that an operator gives; undefined stands for the cluster's own. */
export const wrongNetwork = (network: string | undefined): readonly UserError[] =>
  network === undefined || networkName.test(network)
    ? []
    : [
        refusal(
          'INVALID',
          'network',
          'a network has 1 to 63 letters, digits, dashes, dots and underscores, and begins and ends with a letter or digit',
        ),
      ];

/** Another cluster that was admitted for this network. A revoked cluster holds nothing. */
export function holderOf({ intent }: Now, network: string, except: string): Cluster | undefined {
  return [...intent.clusters.values()]
    .map(({ value }) => value)
    .find((one) => one.name !== except && one.admission !== 'REVOKED' && one.network === network);
}

/** The network with which a cluster comes back, unless another one has been admitted for it meanwhile. */
export const stillOwn = (snapshot: Now, { name, network }: Cluster): string | undefined =>
  network !== undefined && holderOf(snapshot, network, name) === undefined ? network : undefined;

/** The network that a member reports and that becomes its own; undefined when there is nothing to decide. */
export function networkToBind(snapshot: Now, cluster: Cluster): string | undefined {
  if (cluster.admission !== 'ADMITTED' || cluster.network !== undefined) return undefined;
  const reported = snapshot.observed.get(cluster.name)?.network ?? '';
  if (!networkName.test(reported)) return undefined;
  return holderOf(snapshot, reported, cluster.name) === undefined ? reported : undefined;
}

/** Admits a member for the network that it reports first, if its token named none and no other cluster has it. */
export const bindNetwork: Command<{ cluster: string }, { network: string }> = {
  name: 'bindNetwork',
  decide(snapshot, { cluster }) {
    const stored = snapshot.intent.clusters.get(cluster);
    const network = stored && networkToBind(snapshot, stored.value);
    if (!stored || network === undefined)
      return refuse('CONFLICT', 'cluster', `${cluster} has a network, or reports none that is free`);
    return ok({
      subject: auditSubject('cluster', cluster),
      writes: [{ put: { ...stored.value, network }, id: cluster, expected: stored.revision }],
      payload: { network },
      warnings: [],
    });
  },
};

interface Deps {
  readonly live: Live;
  readonly runner: CommandRunner;
  readonly clock: Clock;
  readonly log: Log;
}

/** Binds members to the networks that they report first, until the signal aborts. */
export function watchNetworks({ live, runner, clock, log }: Deps, signal: AbortSignal): void {
  const underWay = new Set<string>();
  const bind = async (cluster: string) => {
    const reason = 'its join token names no network, and no other cluster has this one';
    const run = () => runner.run(bindNetwork, { cluster }, byHub(reason));
    const outcome = await untilStored(run, { clock, signal });
    if (outcome.ok) log.info({ cluster, network: outcome.payload.network }, 'cluster bound to its network');
  };
  const look = (clusters: Iterable<string>) => {
    for (const id of clusters) {
      const value = live.current.intent.clusters.get(id)?.value;
      if (!value || underWay.has(id) || networkToBind(live.current, value) === undefined) continue;
      underWay.add(id);
      bind(id)
        .catch((error: unknown) => log.error({ cluster: id, error: String(error) }, 'network not bound'))
        .finally(() => underWay.delete(id));
    }
  };
  const all = () => look(live.current.intent.clusters.keys());
  const stop = live.onChange((changes, now) =>
    leavesNetwork(changes, now)
      ? all()
      : look(new Set([...written(changes, 'cluster').keys(), ...changes.reports])),
  );
  signal.addEventListener('abort', stop, { once: true });
  all();
}

/** A cluster that is sent away, or admitted for another one, leaves its network to any other. */
const leavesNetwork = (changes: ChangeSet, { intent }: Now): boolean =>
  [...written(changes, 'cluster')].some(([id, before]) => {
    const left = heldBy(before);
    return left !== undefined && left !== heldBy(intent.clusters.get(id));
  });

const heldBy = (stored: Stored<Cluster> | undefined): string | undefined =>
  stored && stored.value.admission !== 'REVOKED' ? stored.value.network : undefined;
