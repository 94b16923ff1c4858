import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { TouchedKind } from '@isthmus/cluster-agent/keys/touched.ts';
import { authorization } from '@isthmus/cluster-agent/translate/authorizations.ts';
import type { Derivation } from '@isthmus/cluster-agent/translate/derivation.ts';
import { distribution } from '@isthmus/cluster-agent/translate/distribution.ts';
import { endpoint } from '@isthmus/cluster-agent/translate/endpoint.ts';
import { networkGateway } from '@isthmus/cluster-agent/translate/network-gateways.ts';
import { part } from '@isthmus/cluster-agent/translate/part.ts';
import { demands } from '@isthmus/cluster-agent/translate/peer-authentications.ts';
import { policies } from '@isthmus/cluster-agent/translate/policies.ts';
import { serviceHealth } from '@isthmus/cluster-agent/translate/service-health.ts';
import { serviceEntry } from '@isthmus/cluster-agent/translate/service-entries.ts';
import { service } from '@isthmus/cluster-agent/translate/services.ts';
import { slice } from '@isthmus/cluster-agent/translate/slices.ts';
import { bundle, intermediate } from '@isthmus/cluster-agent/translate/trust.ts';
import { verdict } from '@isthmus/cluster-agent/translate/verdict.ts';
import { withdrawn } from '@isthmus/cluster-agent/translate/withdrawn.ts';
import { workloadEntry } from '@isthmus/cluster-agent/translate/workload-entries.ts';
import { workload } from '@isthmus/cluster-agent/translate/workloads.ts';
import type { World } from '@isthmus/cluster-agent/translate/world.ts';
import { clusterChanges } from '../../fakes/arbitrary-changes.ts';
import { ChangingCluster } from '../../fakes/changing-cluster.ts';

/** For each question, the kinds of keys of which a derivation that asks it has to read one; for objects also by kind. */
const kinds: Readonly<Record<string, readonly TouchedKind[]>> = {
  'view.podNamed': ['pod'],
  'view.pods': ['pod'],
  'view.namespace': ['namespace', 'network'],
  'view.isGateway': ['gateway'],
  'view.nodeProxies': ['nodeProxies'],
  'view.servicesSelecting': ['members', 'workloadEntry'],
  'view.workloadEntry': ['workloadEntry'],
  'view.serviceEntries': ['serviceEntry', 'entryHost'],
  'view.slicesNaming': ['members'],
  'view.byId': ['slice'],
  'view.get Node': ['node'],
  'view.get Service': ['service'],
  'view.service': ['service'],
  'view.clusterIPsOf': ['addresses'],
  'view.policies': ['authorization', 'peers'],
  'view.firstNode': ['clientPlace'],
  'hub.policiesOf': ['hub'],
  'hub.policyNamed': ['hub'],
  'hub.remotesOf': ['remotes'],
  'hub.remotesNaming': ['networkGateway'],
  'hub.trafficOf': ['hub'],
  'hub.grantOf': ['hub'],
  'hub.trafficShiftsOf': ['hub'],
  'hub.members': ['hub'],
  'hub.bundles': ['hub'],
  'hub.intermediates': ['hub'],
  'facts.now': ['deadline'],
  'facts.upstreamZtunnels': ['upstream'],
  'facts.shared': ['addresses'],
  'facts.health': ['stream', 'acknowledged', 'certificate', 'hub'],
  'derived.part': ['part'],
  'derived.anySidecar': ['sidecars'],
  'derived.judged': ['verdict', 'serving'],
  'derived.demands': ['demands'],
  'derived.converted': ['authorization'],
  'derived.policies': ['policies'],
  'derived.endpoint': ['endpoint'],
  'derived.groups': ['groups'],
  'derived.distribution': ['distribution', 'withdrawal'],
  'derived.snapshot': ['resource'],
};

/** What never changes while an agent runs. */
const constants: ReadonlySet<string> = new Set(['facts.cluster', 'facts.trustDomain', 'facts.capture']);

/** The same world; each question is noted. */
function noting(world: World, notes: Set<string>): World {
  const noted = <T extends object>(room: string, target: T): T =>
    new Proxy(target, {
      get(_, property) {
        const value: unknown = Reflect.get(target, property, target);
        const asked = `${room}.${String(property)}`;
        if (asked !== 'view.get') notes.add(asked);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (asked === 'view.get') notes.add(`view.get ${String(args[0])}`);
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
  return {
    view: noted('view', world.view),
    hub: noted('hub', world.hub),
    facts: noted('facts', world.facts),
    derived: noted('derived', world.derived),
  };
}

function undeclared<Key extends string>(
  { reads, keys, inputs }: Derivation<Key, object, never>,
  world: World,
): readonly string[] {
  const notes = new Set<string>();
  const asked = noting(world, notes);
  for (const key of [...keys(world)]) inputs(key, asked);
  return [...notes].filter(
    (note) => !constants.has(note) && !(kinds[note] ?? []).some((kind) => reads.has(kind)),
  );
}

describe('the inputs of a derivation', () => {
  const derivations = {
    part,
    verdict,
    demands,
    policies,
    endpoint,
    slice,
    workloadEntry,
    serviceEntry,
    serviceHealth,
    distribution,
    networkGateway,
    workload,
    withdrawn,
    service,
    authorization,
    bundle,
    intermediate,
  } as unknown as Readonly<Record<string, Derivation<string, object, never>>>;

  it('are of the kinds that it declares to read', async function () {
    this.timeout(30_000);
    await fc.assert(
      fc.asyncProperty(clusterChanges, async (batches) => {
        const cluster = new ChangingCluster();
        for (const batch of batches) await cluster.apply(batch);
        cluster.update();
        for (const [name, derivation] of Object.entries(derivations))
          assert.deepEqual(undeclared(derivation, cluster.world), [], name);
      }),
      { numRuns: 20 },
    );
  });
});
