import assert from 'node:assert/strict';
import type { ServicePort } from '@isthmus/api/domain/observation.ts';
import { exportPortConditions } from '../../federation/policy/export-ports.ts';
import type { ClusterRecord } from '../../federation/observation/cluster-record.ts';
import { emptyRecord } from '../../federation/observation/record-steps.ts';

const port = (number: number, name = 'http'): ServicePort => ({
  name,
  port: number,
  targetPort: 0,
  appProtocol: '',
});

const service = (ports: readonly ServicePort[]) => ({
  namespace: 'shop',
  name: 'cart',
  hostname: 'cart.shop.svc.cluster.local',
  ports,
  exportRequested: true,
  subjectAltNames: [],
  conditions: [],
  groups: [],
});

const record = (cluster: string, ports: readonly ServicePort[]): ClusterRecord => ({
  ...emptyRecord(cluster, 0),
  services: new Map([['shop/cart', service(ports)]]),
});

describe('the ports of one service that two clusters export', () => {
  const of = (
    east: readonly ServicePort[],
    west: readonly ServicePort[],
    exportedBy: readonly string[] = ['east', 'west'],
  ) => {
    const observed = new Map([
      ['east', record('east', east)],
      ['west', record('west', west)],
    ]);
    return exportPortConditions({ observed }, 'east', service(east), exportedBy);
  };

  it('that differ are a condition which names both', () => {
    const [condition] = of([port(80)], [port(8080), port(9090, '')]);
    assert.deepEqual([condition?.reason, condition?.severity], ['EXPORTED_PORTS_DIFFER', 'WARNING']);
    assert.match(
      condition?.message ?? '',
      /^east exports shop\/cart with ports http:80, and west has ports http:8080, 9090: /,
    );
  });

  it('that are the same in another order are none', () => {
    assert.deepEqual(of([port(80), port(81, 'x')], [port(81, 'x'), port(80)]), []);
  });

  it('do not matter where only one cluster exports it', () => {
    assert.deepEqual(of([port(80)], [port(8080)], ['east']), []);
    assert.deepEqual(of([port(80)], [port(8080)], ['west']), []);
  });
});
