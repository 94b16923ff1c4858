import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CompiledPolicy, TrafficShift, RemoteService } from '@isthmus/api/domain/directive.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { networkGatewayUid, serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import { formatTouched } from '@isthmus/cluster-agent/keys/touched.ts';
import { HubResources } from '@isthmus/cluster-agent/view/hub-resources.ts';
import { selects } from '@isthmus/cluster-agent/view/selectors.ts';
import { aGateway, aRemote, viewOf } from '../../fakes/cluster.ts';
import { anAuthorization } from '../../fakes/records.ts';
import { formatServiceKey, serviceNameOf } from '@isthmus/api/domain/names.ts';
import { inShop } from '../../fakes/services.ts';

const gateways = ['127.7.32.5', '127.7.32.6'].map((address) => aGateway({ address }));
const few = (...values: string[]) => fc.constantFrom(...values);

const remote = fc
  .record({
    cluster: few('a', 'b', 'c'),
    namespace: few('shop', 'bank'),
    name: few('cart', 'pay'),
    gateways: fc.subarray(gateways),
  })
  .map((over) => aRemote(over));
const change = fc.record({ remote, isThere: fc.boolean() });

const nameOf = ({ cluster, namespace, name }: RemoteService) => `${cluster}/${namespace}/${name}`;
const byName = (a: RemoteService, b: RemoteService) => (nameOf(a) < nameOf(b) ? -1 : 1);

describe('remote services that the hub has sent', () => {
  it('are found by service, namespace and gateway as if all were filtered, and what they touch is said', () =>
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const resources = new HubResources();
        for (const { remote: one, isThere } of changes) {
          const before = resources.held.remotes.get(nameOf(one));
          const touched = new ChangeSet();
          if (isThere) resources.set('remote', nameOf(one), one, touched);
          else resources.delete('remote', nameOf(one), touched);
          const forms = [before, isThere ? one : undefined].filter((form) => form !== undefined);
          const expected = forms.flatMap((form) => [
            formatTouched({ kind: 'remotes', service: serviceKeyOf(form) }),
            ...form.gateways
              .filter(
                (gateway) => !forms.every((other) => other.gateways.includes(gateway)) || forms.length === 1,
              )
              .map((gateway) => formatTouched({ kind: 'networkGateway', uid: networkGatewayUid(gateway) })),
          ]);
          const said = [...touched].map((key) => formatTouched(key));
          assert.deepEqual(new Set(said), new Set(before === one ? [] : expected));
        }
        const all = [...resources.held.remotes.values()].sort(byName);
        const services = new Set(all.map(serviceKeyOf));
        assert.deepEqual(new Set(resources.remoteServices()), services);
        for (const service of services)
          assert.deepEqual(
            resources.remotesOf(service),
            all.filter((one) => serviceKeyOf(one) === service),
          );
        for (const namespace of ['shop', 'bank'])
          assert.deepEqual(
            [...resources.remotesIn(namespace)].sort(byName),
            all.filter((one) => one.namespace === namespace),
          );
        const uids = new Set(all.flatMap((one) => one.gateways.map(networkGatewayUid)));
        assert.deepEqual(new Set(resources.gateways()), uids);
        for (const uid of uids)
          assert.deepEqual(
            [...resources.remotesNaming(uid)],
            all.filter((one) => one.gateways.some((gateway) => networkGatewayUid(gateway) === uid)),
          );
      }),
      { numRuns: 200 },
    ));
});

const policy = fc
  .record({
    name: few('p', 'q', 'r'),
    namespace: few('shop', 'bank'),
    labels: fc.constantFrom<Record<string, string>>({}, { app: 'cart' }, { app: 'pay', v: '1' }),
  })
  .map(({ name, namespace, labels }): CompiledPolicy => ({
    name,
    revision: 1,
    target: { namespace, labels },
    authorization: anAuthorization({ name }),
  }));
const services = [inShop('cart'), inShop('pay'), formatServiceKey({ namespace: 'bank', name: 'cart' })];
const trafficShift = fc
  .record({ id: few('d', 'e', 'f'), services: fc.subarray(services) })
  .map(({ id, services: named }): TrafficShift => ({
    id,
    cluster: 'west',
    percent: 50,
    services: named,
    remoteOnly: false,
    deadline: undefined,
  }));
const pods = [
  ...viewOf(`
apiVersion: v1
kind: Pod
metadata: { name: a, namespace: shop, labels: { app: cart } }
spec: { containers: [{}] }
---
apiVersion: v1
kind: Pod
metadata: { name: b, namespace: bank, labels: { app: pay, v: '1' } }
spec: { containers: [{}] }
`).pods(),
];

describe('policies and traffic shifts that the hub has sent', () => {
  it('are found by the pods that they mean and the services that they name as if all were filtered', () =>
    fc.assert(
      fc.property(
        fc.array(fc.tuple(policy, trafficShift, fc.boolean(), fc.boolean()), { maxLength: 30 }),
        (all) => {
          const resources = new HubResources();
          for (const [one, other, isThere, isOn] of all) {
            if (isThere) resources.set('policy', one.name, one, new ChangeSet());
            else resources.delete('policy', one.name, new ChangeSet());
            if (isOn) resources.set('diversion', other.id, other, new ChangeSet());
            else resources.delete('diversion', other.id, new ChangeSet());
            const { policies, trafficShifts } = resources.held;
            for (const pod of pods)
              assert.deepEqual(
                new Set(resources.policiesOf(pod)),
                new Set(
                  [...policies.values()].filter(
                    ({ target }) =>
                      target.namespace === pod.metadata.namespace &&
                      selects(target.labels, pod.metadata.labels),
                  ),
                ),
              );
            for (const service of services)
              assert.deepEqual(
                resources.trafficShiftsOf(serviceNameOf(service)),
                [...trafficShifts.values()]
                  .filter((found) => found.services.length === 0 || found.services.includes(service))
                  .sort((a, b) => (a.id < b.id ? -1 : 1)),
              );
          }
        },
      ),
    ));
});
