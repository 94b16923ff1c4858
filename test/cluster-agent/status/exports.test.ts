import assert from 'node:assert/strict';
import { aRemote, remotes } from '../../fakes/cluster.ts';
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
      sessionAffinity: 'None',
    });
    assert.deepEqual(made['status'], { clusters: [{ cluster: 'west' }] });
    world.send({ remotes: new Map() });
    await world.clock.advance(2000);
    assert.equal(world.find('ServiceImport', 'shop', 'orders'), undefined);
  });
});
