import assert from 'node:assert/strict';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { AudienceRecords } from '@isthmus/cluster-agent/publish/audience.ts';
import { differences } from '../../fakes/differences.ts';
import { audienceOf, type Audience } from '@isthmus/cluster-agent/publish/forms.ts';
import { parseProxyClient } from '@isthmus/cluster-agent/xds/proxy-client.ts';
import type { ClusterSnapshot } from '@isthmus/cluster-agent/translate/snapshot.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { aService, aWorkload, anAuthorization } from '../../fakes/records.ts';
import { byName, emptySnapshot, ourNode, upstreamNode } from '../../fakes/xds-world.ts';

const { trustDomain, root, keyId, intermediate } = makeAuthority();
const cart = aService({ name: 'cart' });
const orders = aService({ name: 'orders' });
const gateway = {
  kind: 'address' as const,
  network: 'network-west',
  address: '127.7.16.5',
  hbonePort: 15_008,
};
const pod = aWorkload({
  uid: 'pod',
  services: new Map([
    [cart.key, []],
    [orders.key, []],
  ]),
});
const remote = aWorkload({ uid: 'remote', networkGateway: gateway, services: new Map([[cart.key, []]]) });
const mtls: Workload = { ...remote, uid: 'mtls', transport: 'istio-mtls' };
const snapshot = {
  ...emptySnapshot,
  workloads: byName(pod, remote, mtls),
  services: byName(cart, orders, aService({ name: 'remote-only' })),
  withdrawn: new Map([[pod.uid, new Set([orders.key])]]),
  authorizations: byName(anAuthorization({ name: 'p' })),
  bundles: new Map([[trustDomain, { trustDomain, roots: [root], sequence: 1 }]]),
  intermediates: new Map([
    [keyId, { keyId, trustDomain, cluster: 'east', certificate: intermediate.certificate, revoked: false }],
  ]),
};

const project = (audience: Audience, of: ClusterSnapshot) => new AudienceRecords(audience, of).projection;

/** As it is compared: the order in which records came says nothing. */
const plain = (projection: ReadonlyMap<string, ReadonlyMap<string, object>>) =>
  [...projection].map(([type, records]) => [type, Object.fromEntries(records)]);

const names = (audience: 'mesh' | 'gateway' | 'upstream') =>
  Object.fromEntries(
    [...project(audience, snapshot)].map(([type, records]) => [
      type.replace(/.*\./, ''),
      [...records.keys()],
    ]),
  );

describe('a projection', () => {
  it('for proxies of ours has everything', () => {
    assert.deepEqual(names('mesh'), {
      TrustBundle: ['cluster.local'],
      Intermediate: [keyId],
      Authorization: ['shop/p'],
      Address: ['pod', 'remote', 'mtls', cart.key, orders.key, 'shop/remote-only.shop.svc.cluster.local'],
    });
  });

  it('for Istio’s own proxies has no policy in a dry run, and no workload that names one', () => {
    const dry = anAuthorization({ name: 'dry', dryRun: true, scope: 'WORKLOAD_SELECTOR' });
    const enforced = anAuthorization({ name: 'p', scope: 'WORKLOAD_SELECTOR' });
    const named = aWorkload({ uid: 'pod', authorizationPolicies: [dry.key, enforced.key] });
    const snapshot = { ...emptySnapshot, workloads: byName(named), authorizations: byName(dry, enforced) };
    const policiesFor = (audience: 'mesh' | 'upstream') => {
      const projection = project(audience, snapshot);
      const workload = projection.get(typeUrls.address)?.get('pod') as Workload;
      return [[...(projection.get(typeUrls.authorization)?.keys() ?? [])], workload.authorizationPolicies];
    };
    assert.deepEqual(policiesFor('mesh'), [
      [dry.key, enforced.key],
      [dry.key, enforced.key],
    ]);
    assert.deepEqual(policiesFor('upstream'), [[enforced.key], [enforced.key]]);
    const again = () => project('upstream', snapshot).get(typeUrls.address)?.get('pod');
    assert.equal(again(), again(), 'the very object of before');
  });

  it('for gateways has what is behind them, and trust', () => {
    assert.deepEqual(names('gateway').Address, ['pod', cart.key, orders.key]);
    assert.deepEqual(names('gateway').Intermediate, [keyId]);
  });

  it('for upstream proxies has no trust and only remote endpoints that speak HBONE', () => {
    const { Address, TrustBundle, Intermediate } = names('upstream');
    assert.deepEqual([TrustBundle, Intermediate], [[], []]);
    assert.deepEqual(Address?.slice(0, 2), ['pod', 'remote']);
  });

  it('leaves withdrawn memberships to gateways alone', () => {
    const services = (audience: 'mesh' | 'gateway' | 'upstream') => {
      const record = project(audience, snapshot).get(typeUrls.address)?.get('pod') as Workload;
      return [...record.services.keys()];
    };
    assert.deepEqual(
      [services('mesh'), services('upstream'), services('gateway')],
      [[cart.key], [cart.key], [cart.key, orders.key]],
    );
  });

  it('follows a delta, and names what differs for its clients', () => {
    const follow = (audience: Audience, before: ClusterSnapshot, after: ClusterSnapshot) => {
      const records = new AudienceRecords(audience, before);
      const delta = { changed: differences(before, after), bulk: new Set<string>() };
      const { urgent } = records.take(delta, after);
      assert.deepEqual(plain(records.projection), plain(project(audience, after)));
      return urgent.get(typeUrls.address) ?? [];
    };
    const equal = { ...snapshot, withdrawn: new Map([[pod.uid, new Set([orders.key])]]) };
    assert.deepEqual(follow('mesh', snapshot, equal), []);
    const without = { ...snapshot, withdrawn: new Map(), workloads: byName(pod, remote) };
    assert.deepEqual(follow('mesh', snapshot, without), ['mtls', 'pod']);
    assert.deepEqual(follow('gateway', snapshot, without), []);
  });

  it('sends what something wide reached as bulk', () => {
    const records = new AudienceRecords('mesh', emptySnapshot);
    const changed = differences(emptySnapshot, snapshot);
    const { urgent, bulk } = records.take({ changed, bulk: new Set(['remote', 'mtls']) }, snapshot);
    assert.deepEqual(bulk.get(typeUrls.address), ['remote', 'mtls']);
    assert.ok(urgent.get(typeUrls.address)?.includes('pod'));
  });

  it('for gateways has a service while a workload behind it names it', () => {
    const records = new AudienceRecords('gateway', snapshot);
    const address = () => [...(records.projection.get(typeUrls.address)?.keys() ?? [])];
    const step = (before: ClusterSnapshot, after: ClusterSnapshot) =>
      records
        .take({ changed: differences(before, after), bulk: new Set() }, after)
        .urgent.get(typeUrls.address);
    const other = aWorkload({ uid: 'other', services: new Map([[cart.key, []]]) });
    const two = { ...snapshot, workloads: byName(pod, other) };
    assert.deepEqual(step(snapshot, two), ['other']);
    const one = { ...two, workloads: byName(other) };
    assert.deepEqual(step(two, one), ['pod', orders.key]);
    assert.deepEqual(address().sort(), ['other', cart.key]);
    assert.deepEqual(step(one, { ...one, workloads: new Map() }), ['other', cart.key]);
  });

  it('is chosen by who the proxy is', () => {
    const audience = (node: Parameters<typeof parseProxyClient>[0]) => {
      const client = parseProxyClient(node, { namespace: 'istio-system' });
      return client.ok && audienceOf(client.value);
    };
    assert.deepEqual(
      [ourNode('ztunnel', 'z'), ourNode('sidecar', 's'), ourNode('router', 'g'), upstreamNode('u')].map(
        audience,
      ),
      ['mesh', 'mesh', 'gateway', 'upstream'],
    );
  });
});
