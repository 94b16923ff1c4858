import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import { ChangeSet } from '@isthmus/cluster-agent/keys/change-set.ts';
import { networkGatewayUid, serviceKeyOf } from '@isthmus/cluster-agent/keys/names.ts';
import { formatTouched } from '@isthmus/cluster-agent/keys/touched.ts';
import { HubResources } from '@isthmus/cluster-agent/view/hub-resources.ts';
import { aGateway, aRemote } from '../../fakes/cluster.ts';

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
            ...form.gateways.map((gateway) =>
              formatTouched({ kind: 'networkGateway', uid: networkGatewayUid(gateway) }),
            ),
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
