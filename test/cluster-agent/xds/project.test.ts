import assert from 'node:assert/strict';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { audienceOf, project } from '@isthmus/cluster-agent/xds/project.ts';
import { Projections } from '@isthmus/cluster-agent/xds/projections.ts';
import { parseProxyClient } from '@isthmus/cluster-agent/xds/proxy-client.ts';
import type { Workload } from '@isthmus/mesh/state/workload.ts';
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
  bundles: [{ trustDomain, roots: [root], sequence: 1 }],
  intermediates: [
    { keyId, trustDomain, cluster: 'east', certificate: intermediate.certificate, revoked: false },
  ],
};

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
    const told = { ...emptySnapshot, workloads: byName(named), authorizations: byName(dry, enforced) };
    const policiesFor = (audience: 'mesh' | 'upstream') => {
      const projection = project(audience, told);
      const workload = projection.get(typeUrls.address)?.get('pod') as Workload;
      return [[...(projection.get(typeUrls.authorization)?.keys() ?? [])], workload.authorizationPolicies];
    };
    assert.deepEqual(policiesFor('mesh'), [
      [dry.key, enforced.key],
      [dry.key, enforced.key],
    ]);
    assert.deepEqual(policiesFor('upstream'), [[enforced.key], [enforced.key]]);
    const again = () => project('upstream', told).get(typeUrls.address)?.get('pod');
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

  it('of a snapshot with the same records has the same records, withdrawn ones too', () => {
    const projections = new Projections();
    projections.set(snapshot);
    const before = projections.of('mesh')!;
    projections.set({ ...snapshot, withdrawn: new Map([[pod.uid, new Set([orders.key])]]) });
    const after = projections.of('mesh')!;
    assert.notEqual(before, after);
    assert.deepEqual(projections.changed(typeUrls.address, before, after), []);
    projections.set({ ...snapshot, withdrawn: new Map(), workloads: byName(pod, remote) });
    assert.deepEqual(projections.changed(typeUrls.address, after, projections.of('mesh')!), ['pod', 'mtls']);
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
