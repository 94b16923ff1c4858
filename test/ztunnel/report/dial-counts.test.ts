import assert from 'node:assert/strict';
import { proxyReportLimits } from '@isthmus/api/domain/proxy-report.ts';
import type { Route } from '@isthmus/mesh/decide/outbound.ts';
import { ConnectRefused } from '@isthmus/mesh/hbone/tunnel.ts';
import { MeshError } from '@isthmus/mesh/process/mesh-error.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import { DialCounts, outcomeOf } from '@isthmus/ztunnel/report/dial-counts.ts';
import { WorkerCounts } from '@isthmus/ztunnel/report/worker-counts.ts';
import { aWorkload } from '../../fakes/records.ts';

const workload = aWorkload({ uid: 'west//Pod/shop/cart', cluster: 'west' });
const plain = (port: number): Route => ({ kind: 'plaintext', workload, address: '127.0.0.9', port });

describe('ztunnel/report dial counts', () => {
  for (const [error, outcome] of [
    [new MeshError('DIAL_REFUSED', ''), 'unreached'],
    [new MeshError('DIAL_TIMEOUT', ''), 'unreached'],
    [new MeshError('SESSION_FAILED', ''), 'untrusted'],
    [new TlsRefused('hbone', ''), 'untrusted'],
    [new ConnectRefused('hbone', 'a:1', 503, ''), 'refused'],
  ] as const)
    it(`${error.code} is ${outcome}`, () => assert.equal(outcomeOf(error), outcome));

  it('gives what changed since the last time, as totals', () => {
    const counts = new DialCounts();
    const ended = counts.began('shop/cart');
    counts.dialled(plain(1), 'unreached', 7);
    counts.dialled(plain(1), 'connected', 8);
    const first = counts.take();
    assert.deepEqual(first.destinations, [{ service: 'shop/cart', requests: 1, failures: 0, inFlight: 1 }]);
    assert.equal(first.connects.length, 1);
    assert.deepEqual(
      [first.connects[0]?.connected, first.connects[0]?.unreached, first.connects[0]?.lastFailureAt],
      [1, 1, 7],
    );
    ended(true);
    assert.deepEqual(counts.take(), {
      connects: [],
      destinations: [{ service: 'shop/cart', requests: 1, failures: 1, inFlight: 0 }],
      leftOut: 0,
    });
    assert.deepEqual(counts.take(), { connects: [], destinations: [], leftOut: 0 });
  });

  it('counts what is beyond its limits in one number', () => {
    const counts = new DialCounts();
    const { connects, destinations } = proxyReportLimits;
    for (let i = 0; i <= connects; i++) counts.dialled(plain(i + 1), 'connected', 0);
    for (let i = 0; i <= destinations; i++) counts.began(`shop/s${i}`)(false);
    const taken = counts.take();
    assert.deepEqual(
      [taken.connects.length, taken.destinations.length, taken.leftOut],
      [connects, destinations, 2],
    );
  });

  it('adds up what several data workers say', () => {
    const [one, other] = [new DialCounts(), new DialCounts()];
    for (const counts of [one, other]) {
      counts.began('shop/cart');
      counts.dialled(plain(1), 'connected', 0);
    }
    const all = new WorkerCounts();
    all.heard(0, { open: 3, ...one.take() });
    all.heard(1, { open: 4, ...other.take() });
    assert.equal(all.open, 7);
    assert.deepEqual(
      [...all.destinations.values()],
      [{ service: 'shop/cart', requests: 2, failures: 0, inFlight: 2 }],
    );
    assert.deepEqual(
      [...all.connects.values()].map(({ connected }) => connected),
      [2],
    );
  });
});
