import assert from 'node:assert/strict';
import { aRemote, remotes } from '../../fakes/cluster.ts';
import { importStatement } from '@isthmus/cluster-agent/status/import-statement.ts';
import type { ServiceImport } from '@isthmus/cluster-agent/status/service-import.ts';
import type { Write } from '@isthmus/cluster-agent/status/written-object.ts';
import { someProperties } from '../../fakes/global-properties.ts';
import { aNamespace, WritesWorld, type Plain } from './writes-world.ts';

const aService = (name: string, labels: object = {}): Plain => ({
  metadata: { name, namespace: 'shop', labels },
  spec: { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'], ports: [{ name: 'http', port: 8080 }] },
});
const anExport = (name: string): Plain => ({ metadata: { name, namespace: 'shop' } });
const granted = (name: string) =>
  new Map([[`shop/${name}`, { namespace: 'shop', name, clusters: ['west'] }]]);

describe('what an agent writes of exports and imports', () => {
  let world: WritesWorld;
  beforeEach(() => {
    world = new WritesWorld();
    world.put('Namespace', aNamespace('shop'));
  });
  const annotation = (name: string) => {
    const { metadata } = world.find('Service', 'shop', name) as { metadata: { annotations?: object } };
    return Object.values(metadata.annotations ?? {})[0] as string | undefined;
  };

  it('says on a Service whether its export is in force, and nothing on others', async () => {
    world.put('Service', aService('cart', { 'istio.io/global': 'true' }));
    world.put('Service', aService('other'));
    world.open();
    await world.clock.advance(2000);
    assert.match(annotation('cart') ?? '', /^not applied: the hub has not permitted it/);
    assert.equal(annotation('other'), undefined);
    world.send({ grants: granted('cart') });
    await world.clock.advance(2000);
    assert.equal(annotation('cart'), 'accepted');
  });

  it('says of a ServiceExport whether it is valid, in force, and in conflict', async () => {
    world.put('ServiceExport', anExport('cart'));
    world.open();
    await world.clock.advance(2000);
    const of = () => world.conditions('ServiceExport', 'shop', 'cart');
    assert.deepEqual(of(), ['Valid False NoService', 'Ready False Failed', 'Conflict False NoConflicts']);
    world.put('Service', aService('cart'));
    const ports = [{ name: 'http', port: 81, targetPort: 81, appProtocol: '' }];
    world.send({ grants: granted('cart'), remotes: remotes(aRemote({ name: 'cart', ports })) });
    await world.clock.advance(2000);
    assert.deepEqual(of(), ['Valid True Valid', 'Ready True Exported', 'Conflict True PortConflict']);
  });

  it('makes a ServiceImport of what other clusters export, and removes its own when that is gone', async () => {
    world.open();
    world.send({ remotes: remotes(aRemote({ name: 'orders' })) });
    await world.clock.advance(2000);
    const made = world.find('ServiceImport', 'shop', 'orders');
    assert.deepEqual(made?.['spec'], {
      type: 'ClusterSetIP',
      ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
      ips: ['240.0.0.7'],
      ipFamilies: ['IPv4'],
      sessionAffinity: 'None',
    });
    assert.deepEqual((made['status'] as Plain)['clusters'], [{ cluster: 'west' }]);
    assert.deepEqual(world.conditions('ServiceImport', 'shop', 'orders'), ['Ready True Ready']);
    world.send({ remotes: new Map() });
    await world.clock.advance(2000);
    assert.equal(world.find('ServiceImport', 'shop', 'orders'), undefined);
  });

  const spec = (name: string) => world.find('ServiceImport', 'shop', name)?.['spec'] as Plain | undefined;
  const says = (name: string) => world.written('ServiceImport', 'shop', name)[0]?.message ?? '';

  it('gives a ServiceImport what the oldest export declares, and the ports of all', async () => {
    world.open();
    const dns = { name: 'dns', port: 53, protocol: 'UDP' as const, appProtocol: '' };
    const ports = [{ name: 'http', port: 9090, targetPort: 9090, appProtocol: '' }];
    const old = someProperties({
      exportedAt: 1000,
      otherPorts: [dns],
      affinitySeconds: 10,
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
    });
    const young = someProperties({ exportedAt: 2000, headless: true });
    world.send({
      remotes: remotes(
        aRemote({ name: 'orders', cluster: 'north', ports, properties: young }),
        aRemote({ name: 'orders', cluster: 'west', properties: old }),
      ),
    });
    await world.clock.advance(2000);
    assert.deepEqual(spec('orders'), {
      type: 'ClusterSetIP',
      ports: [
        { name: 'http', protocol: 'TCP', port: 8080 },
        { name: 'dns', protocol: 'UDP', port: 53 },
      ],
      ips: ['240.0.0.7'],
      ipFamilies: ['IPv4'],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
    });
    assert.match(says('orders'), /UDP and SCTP are as declared.*session affinity is as declared/);
  });

  it('says of a ServiceImport without an address why it is not ready', async () => {
    const { metadata, spec: ofService } = aService('cart');
    world.put('Service', {
      metadata,
      spec: { ...(ofService as object), clusterIP: 'None', clusterIPs: ['None'] },
    });
    world.open();
    const old = someProperties({ exportedAt: 1000 });
    world.send({ grants: granted('cart'), remotes: remotes(aRemote({ name: 'cart', properties: old })) });
    await world.clock.advance(2000);
    // The Service has no time of creation, so its export is the oldest.
    assert.equal(spec('cart')?.['type'], 'Headless');
    const created = { ...metadata, creationTimestamp: '2026-01-01T00:00:00Z' };
    world.put('Service', {
      metadata: created,
      spec: { ...(ofService as object), clusterIP: 'None', clusterIPs: ['None'] },
    });
    await world.clock.advance(2000);
    assert.equal(spec('cart')?.['type'], 'ClusterSetIP');
    assert.deepEqual(world.conditions('ServiceImport', 'shop', 'cart'), ['Ready False Pending']);
    assert.match(says('cart'), /own Service of that name is headless/);
  });

  it('keeps the ServiceImport of what others export where the cluster has a Service of that name to itself', async () => {
    world.put('Service', aService('cart'));
    world.open();
    world.send({ remotes: remotes(aRemote({ name: 'cart' })) });
    await world.clock.advance(2000);
    assert.deepEqual(spec('cart')?.['ips'] ?? [], []);
    assert.deepEqual(world.conditions('ServiceImport', 'shop', 'cart'), ['Ready False Pending']);
    assert.match(says('cart'), /does not export/);
  });

  it('names all in which exports differ, which cluster counts, and has one Event of each set of differences', async () => {
    world.put('ServiceExport', {
      metadata: { name: 'cart', namespace: 'shop', creationTimestamp: '2026-01-01T00:00:00Z' },
    });
    world.put('Service', aService('cart'));
    world.open();
    const properties = someProperties({ exportedAt: 1000, headless: true });
    const ports = [{ name: 'http', port: 81, targetPort: 81, appProtocol: '' }];
    world.send({ grants: granted('cart'), remotes: remotes(aRemote({ name: 'cart', ports, properties })) });
    await world.clock.advance(2000);
    const [, , conflict] = world.written('ServiceExport', 'shop', 'cart');
    assert.equal(conflict?.reason, 'PortConflict,TypeConflict');
    assert.match(
      conflict.message,
      /ports: west has http 81, east has http 8080; type: .* The export of west counts/,
    );
    await world.clock.advance(2000);
    assert.deepEqual(
      world.events().map(([shown]) => shown),
      ['Service cart PortConflict,TypeConflict 1', 'ServiceExport cart PortConflict,TypeConflict 1'],
    );
  });

  it('writes only fields that the first definitions of v1alpha1 have where that version is served', () => {
    const wanted: ServiceImport = {
      spec: {
        type: 'ClusterSetIP',
        ports: [],
        ips: ['240.0.0.7', 'fd00::7'],
        ipFamilies: ['IPv4', 'IPv6'],
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
        internalTrafficPolicy: 'Cluster',
        trafficDistribution: 'PreferClose',
      },
      clusters: ['west'],
      ready: { type: 'Ready', status: 'True', reason: 'Ready', message: '' },
    };
    const target = { kind: 'ServiceImport', namespace: 'shop', name: 'orders' };
    const [object, status] = importStatement(target, wanted, 0).writes(
      undefined,
      'v1alpha1',
    ) as readonly Extract<Write, { how: 'APPLY' }>[];
    assert.deepEqual((object?.object as Plain)['spec'], {
      type: 'ClusterSetIP',
      ports: [],
      ips: ['240.0.0.7'],
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
    });
    assert.deepEqual((status?.object as Plain)['status'], { clusters: [{ cluster: 'west' }] });
  });
});
