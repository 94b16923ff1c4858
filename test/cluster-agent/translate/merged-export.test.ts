import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { GlobalProperties } from '@isthmus/api/domain/global-properties.ts';
import { byExportAge, mergedExport, type Exporter } from '@isthmus/cluster-agent/translate/merged-export.ts';
import { someProperties } from '../../fakes/global-properties.ts';

const port = (name: string, number: number) => ({ name, port: number, appProtocol: '' });
const exporter = (
  cluster: string,
  ports: Exporter['ports'],
  properties: Partial<GlobalProperties> | 'UNKNOWN' = {},
): Exporter => ({
  cluster,
  ports,
  ...(properties !== 'UNKNOWN' && { properties: someProperties(properties) }),
});
const shown = (...exporters: readonly Exporter[]) =>
  mergedExport([...exporters].sort(byExportAge)).ports.map(
    ({ name, port: number, protocol }) => `${name} ${number}/${protocol}`,
  );

describe('exports of one service, merged', () => {
  it('have the ports of all', () => {
    assert.deepEqual(shown(exporter('a', [port('http', 80)]), exporter('b', [port('grpc', 90)])), [
      'http 80/TCP',
      'grpc 90/TCP',
    ]);
  });

  it('of two ports with one name have that of the older export, whatever its cluster is called', () => {
    const old = exporter('z', [port('http', 80)], { exportedAt: 1000 });
    const young = exporter('a', [port('http', 81)], { exportedAt: 2000 });
    assert.deepEqual(shown(old, young), ['http 80/TCP']);
    assert.deepEqual(shown(young, old), ['http 80/TCP']);
  });

  it('of two ports with one number have that of the older export, and another protocol is another port', () => {
    const dns = { name: 'dns', port: 80, protocol: 'UDP' as const, appProtocol: '' };
    const old = exporter('z', [port('http', 80)], { exportedAt: 1000 });
    const young = exporter('a', [port('web', 80)], { exportedAt: 2000, otherPorts: [dns] });
    assert.deepEqual(shown(old, young), ['http 80/TCP', 'dns 80/UDP']);
  });

  it('of exports of one age have that of the first cluster by name', () => {
    assert.deepEqual(
      shown(exporter('b', [port('', 81)]), exporter('a', [port('', 80)])),
      ['80/TCP'].map((one) => ` ${one}`),
    );
  });

  it('have least of an export whose age nobody has said', () => {
    const unknown = exporter('a', [port('http', 81)], 'UNKNOWN');
    const known = exporter('b', [port('http', 80)], { exportedAt: 9000, headless: true });
    const merged = mergedExport([unknown, known].sort(byExportAge));
    assert.deepEqual([merged.ports[0]?.port, merged.properties?.headless], [80, true]);
  });

  const some = fc.record({
    cluster: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    ports: fc.array(
      fc.record({ name: fc.constantFrom('', 'x', 'y'), port: fc.nat(3), appProtocol: fc.constant('') }),
    ),
    at: fc.option(fc.nat(3), { nil: undefined }),
  });
  it('do not depend on the order in which exports come, and repeat no name and no number of a protocol', () => {
    fc.assert(
      fc.property(fc.uniqueArray(some, { minLength: 1, selector: ({ cluster }) => cluster }), (all) => {
        const exporters = all.map(({ cluster, ports, at }) =>
          exporter(cluster, ports, at === undefined ? 'UNKNOWN' : { exportedAt: at }),
        );
        const merged = mergedExport([...exporters].sort(byExportAge));
        assert.deepEqual(mergedExport([...exporters].reverse().sort(byExportAge)), merged);
        const { ports } = merged;
        assert.equal(new Set(ports.map(({ name }) => name)).size, ports.length);
        assert.equal(new Set(ports.map((one) => `${one.port}/${one.protocol}`)).size, ports.length);
        for (const one of exporters.flatMap((each) => each.ports))
          assert.ok(ports.some(({ name, port: number }) => name === one.name || number === one.port));
      }),
    );
  });
});
