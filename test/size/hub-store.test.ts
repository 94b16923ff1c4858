import assert from 'node:assert/strict';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import { serviceReport } from '@isthmus/api/wire/link.ts';
import { Reports } from '../../federation/link/reports.ts';
import { aService } from '../fakes/agent.ts';
import { assertScales, type Work } from './doubled.ts';

const resource = (name: string, port = 80) => {
  const body = serviceReport.encode(
    aService(name, { ports: [{ name: 'http', port, targetPort: 0, appProtocol: '' }] }),
  );
  return { name: `shop/${name}`, version: contentVersion(body), body };
};

/** Bytes that are written down for the reports of a cluster with so many services, and for one that changes. */
function bytesOf(services: number): Work {
  const reports = new Reports();
  const bytes = (resources: readonly ReturnType<typeof resource>[]) =>
    reports
      .apply('service', resources, [], 1)
      .rows.reduce((sum, { name, resource: held }) => sum + name.length + (held?.body.length ?? 0), 0);
  const firstSync = bytes(Array.from({ length: services }, (_, i) => resource(`s${i}`)));
  return { firstSync, change: bytes([resource('s7', 81)]) };
}

describe('the size of what is written down of reports', () => {
  it('of 100 services: twice as many bytes at first when they are doubled, and as many for one that changes', () =>
    assertScales(bytesOf, 100));

  it('is nothing for a report that is held', () => {
    const reports = new Reports();
    reports.apply('service', [resource('cart')], [], 1);
    assert.deepEqual(reports.apply('service', [resource('cart')], [], 2).rows, []);
  });
});
