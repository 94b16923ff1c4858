import assert from 'node:assert/strict';
import type { ClusterLimits } from '@isthmus/api/domain/limits.ts';
import { conditionsOf } from '@isthmus/federation/conditions/conditions.ts';
import { Federation } from '../fakes/federation.ts';
import { gateway, health, hosted, port, Reporting, service } from '../fakes/reporting.ts';
import { inShop } from '../fakes/services.ts';

const size = 'shop/a'.length + hosted(3, 'a').body.length;

/** How a cluster comes to have so many of what is limited, in two objects of which the second comes later. */
interface Limited {
  readonly most: number;
  readonly put: (east: Reporting, n: number) => void;
  /** What the second object is called, and what is said of it when it is one too many. */
  readonly says: RegExp;
  /** The first object goes, and the second is offered again. */
  readonly shrink: (east: Reporting, n: number) => void;
  readonly isHeld: (east: Reporting) => boolean;
}

const holdsB = (east: Reporting) => east.names.includes('shop/b');

const withPorts = (n: number) =>
  service('b', { ports: Array.from({ length: n }, (_, i) => port(i)), hostname: 'b.example' });

const limited: Readonly<Record<Exclude<keyof ClusterLimits, 'reportsPerSecond'>, Limited>> = {
  services: {
    most: 3,
    put: (east, n) => east.put('service', [...filled(n - 1), service('b')]),
    says: /service shop\/b: it would be 4 services of this cluster, and 3 are allowed/,
    shrink(east) {
      east.put('service', [], ['shop/s0']);
      east.put('service', [service('b')]);
    },
    isHeld: holdsB,
  },
  ports: {
    most: 3,
    put: (east, n) => east.put('service', [service('a'), withPorts(n - 1)]),
    says: /service shop\/b: it would be 4 service ports of this cluster, and 3 are allowed/,
    shrink(east, n) {
      east.put('service', [], ['shop/a']);
      east.put('service', [withPorts(n - 1)]);
    },
    isHeld: holdsB,
  },
  gateways: {
    most: 3,
    put(east, n) {
      const gateways = Array.from({ length: n }, (_, i) => gateway(`127.9.1.${n - i}`));
      east.put('gateway', gateways);
    },
    says: /gateway istio-system\/gw\/127\.9\.1\.1: it would be 4 gateways of this cluster, and 3 are allowed/,
    shrink(east) {
      east.put('gateway', [], ['istio-system/gw/127.9.1.2']);
      east.put('gateway', [gateway('127.9.1.1')]);
    },
    isHeld: ({ record }) => record.gateways.has('istio-system/gw/127.9.1.1'),
  },
  bytes: {
    most: 2 * size,
    put: (east, n) => east.put('service', [hosted(3, 'a'), hosted(3 + n - 2 * size, 'b')]),
    says: new RegExp(
      `service shop/b: it would be ${2 * size + 1} bytes of reports of this cluster, and ${2 * size} are allowed`,
    ),
    shrink(east) {
      east.put('service', [hosted(2, 'a')]);
      east.put('service', [hosted(4, 'b')]);
    },
    isHeld: holdsB,
  },
  endpoints: {
    most: 10,
    put: (east, n) => east.count(health('a', 5), health('b', n - 5)),
    says: /health shop\/b: with its 6 the cluster would have more than the 10 endpoints that are allowed/,
    shrink: (east, n) => east.count(health('a', 4), health('b', n - 5)),
    isHeld: ({ record }) => record.health.has(inShop('b')),
  },
};

const filled = (n: number) => Array.from({ length: n }, (_, i) => service(`s${i}`));

describe('what a cluster reports over a limit', () => {
  let hub: Federation;
  beforeEach(async () => {
    hub = await Federation.start('east');
    hub.report('east', {});
  });
  afterEach(() => hub.end());

  const conditions = (east: Reporting) => {
    hub.observe(east.record);
    return conditionsOf(hub.now, 'east').filter(({ type }) => type === 'Reported');
  };

  for (const [limit, { most, put, says, shrink, isHeld }] of Object.entries(limited)) {
    for (const n of [most - 1, most])
      it(`${limit}: ${n} of ${most} that are allowed are no condition`, () => {
        const east = new Reporting({ [limit]: most });
        put(east, n);
        assert.deepEqual([conditions(east), isHeld(east)], [[], true]);
      });

    it(`${limit}: ${most + 1} of ${most} are a condition that names the object, the limit and the remedy, until there is room`, () => {
      const east = new Reporting({ [limit]: most });
      put(east, most + 1);
      const [condition, ...others] = conditions(east);
      assert.deepEqual([others, isHeld(east)], [[], false]);
      assert.deepEqual([condition?.reason, condition?.severity], ['REPORT_OVER_LIMIT', 'ERROR']);
      assert.match(condition?.message ?? '', says);
      assert.match(condition?.message ?? '', /^the hub rejected 1 reports? /);
      assert.match(condition?.remedy ?? '', new RegExp(`a higher --cluster-limits \\(${limit}\\)$`));
      shrink(east, most + 1);
      assert.deepEqual([conditions(east), isHeld(east)], [[], true]);
    });
  }

  it('more than one limit: one condition names them all', () => {
    const east = new Reporting({ services: 1, gateways: 1 });
    east.put('service', [service('a'), service('b')]);
    east.put('gateway', [gateway('127.9.1.1'), gateway('127.9.1.2')]);
    const [condition] = conditions(east);
    assert.match(
      condition?.message ?? '',
      /rejected 2 reports .*\(services, gateways\).*shop\/b.*gw\/127\.9\.1\.2/,
    );
    assert.match(condition?.remedy ?? '', /--cluster-limits \(services, gateways\)$/);
  });
});
