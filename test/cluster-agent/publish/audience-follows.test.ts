import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AudienceRecords } from '@isthmus/cluster-agent/publish/audience.ts';
import { differences } from '../../fakes/differences.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import { aService, aWorkload, anAuthorization } from '../../fakes/records.ts';
import { byName, emptySnapshot } from '../../fakes/xds-world.ts';

const services = ['s0', 's1', 's2'].map((name) => aService({ name, subjectAltNames: [`spiffe://${name}`] }));
const policies = ['p0', 'p1', 'p2'];
const gateway = { kind: 'address' as const, network: 'n', address: '127.7.16.5', hbonePort: 15_008 };

const workload = fc.record({
  uid: fc.constantFrom('w0', 'w1', 'w2', 'w3'),
  services: fc.subarray(services).map((some) => new Map(some.map(({ key }) => [key, []]))),
  networkGateway: fc.constantFrom(undefined, gateway),
  transport: fc.constantFrom('hbone' as const, 'istio-mtls' as const),
  authorizationPolicies: fc.subarray(policies.map((name) => `shop/${name}`)),
});

const snapshot: fc.Arbitrary<ClusterSnapshot> = fc.record({
  workloads: fc
    .uniqueArray(workload, { selector: ({ uid }) => uid })
    .map((all) => byName(...all.map((one) => aWorkload(one)))),
  services: fc.subarray(services).map((some) => byName(...some)),
  withdrawn: fc
    .dictionary(fc.constantFrom('w0', 'w1'), fc.subarray(services))
    .map(
      (all) => new Map(Object.entries(all).map(([uid, some]) => [uid, new Set(some.map(({ key }) => key))])),
    ),
  authorizations: fc
    .dictionary(fc.constantFrom(...policies), fc.boolean())
    .map((all) => byName(...Object.entries(all).map(([name, dryRun]) => anAuthorization({ name, dryRun })))),
  bundles: fc.constant(new Map()),
  intermediates: fc.constant(new Map()),
});

const plain = ({ projection }: AudienceRecords) =>
  [...projection].map(([type, records]) => [type, Object.fromEntries(records)]);

describe('the projection for an audience, whatever is published', () => {
  for (const audience of ['mesh', 'gateway', 'upstream'] as const)
    it(`is for ${audience} that of the whole snapshot, and names every record that differs`, () => {
      fc.assert(
        fc.property(fc.array(snapshot, { maxLength: 6 }), (snapshots) => {
          const records = new AudienceRecords(audience, emptySnapshot);
          let before = emptySnapshot;
          for (const after of snapshots) {
            const held = new Map([...records.projection].map(([type, some]) => [type, new Map(some)]));
            const { urgent } = records.take({ changed: differences(before, after), bulk: new Set() }, after);
            assert.deepEqual(plain(records), plain(new AudienceRecords(audience, after)));
            for (const [type, now] of records.projection) {
              const names = new Set([...now.keys(), ...(held.get(type)?.keys() ?? [])]);
              const differing = [...names].filter((name) => now.get(name) !== held.get(type)?.get(name));
              assert.deepEqual([...(urgent.get(type) ?? [])].sort(), differing.sort());
            }
            before = after;
          }
        }),
      );
    });
});
