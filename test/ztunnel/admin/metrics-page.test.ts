import assert from 'node:assert/strict';
import { metricsPage } from '@isthmus/ztunnel/admin/metrics-page.ts';
import { version } from '@isthmus/mesh/process/version.ts';
import { TcpMetrics } from '@isthmus/ztunnel/telemetry/tcp-metrics.ts';
import { tcpLabels, type TcpFacts } from '@isthmus/ztunnel/telemetry/tcp-labels.ts';
import type { WorkerReport } from '@isthmus/ztunnel/messages.ts';
import { aWorkload } from '../../fakes/records.ts';

const front = aWorkload({ uid: 'front', workloadName: 'front', canonicalName: 'front' });
const facts: TcpFacts = {
  reporter: 'source',
  mtls: true,
  service: undefined,
  source: { workload: front, identity: 'spiffe://cluster.local/ns/shop/sa/front' },
  destination: { workload: undefined, identity: undefined },
};

const totals = {
  open: 1,
  listeners: 2,
  pooled: 3,
  gatewayDials: 4,
  gatewayRefusals: 5,
  handshakesFailed: 6,
  sourceSockets: 6,
  destinationSockets: 7,
  seriesEvicted: 8,
  linesDropped: 9,
  chunksDropped: 10,
  dropped: 11,
  slots: 12,
  limited: 13,
  sessionsBroken: 15,
  stallsReset: 14,
  handshakes: 15,
  handshakesEvicted: 16,
  handshakesTimedOut: 17,
  handshakesRefused: 18,
};

const control = {
  connected: true,
  policies: 3,
  certificates: new Map([['spiffe://cluster.local/ns/shop/sa/front', 1_800_000_000_500]]),
};

/** What a worker has counted that carried some connections of 10 bytes there and 20 back, and denied one. */
function report(connections: number): WorkerReport {
  const metrics = new TcpMetrics();
  for (let i = 0; i < connections; i++) metrics.open(facts, () => ({ received: 10, sent: 20 }))('-');
  metrics.open(facts)('DENY');
  return { metrics: metrics.all(), dns: [], totals };
}

/** The values of a metric's series, by what is asked of their labels. */
const series = (page: string, name: string, ...labels: string[]): number[] =>
  page
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => labels.every((label) => line.includes(label)))
    .map((line) => Number(line.split(' ').at(-1)));

describe('ztunnel/admin metrics page', () => {
  let page: string;
  before(async () => {
    const { text, contentType } = await metricsPage([report(2), report(3)], control);
    assert.match(contentType, /^text\/plain/);
    page = text;
  });

  it("adds up what the workers counted, under Istio's names", () => {
    const well = 'response_flags="-"';
    assert.deepEqual(series(page, 'istio_tcp_connections_opened_total', well), [7]);
    assert.deepEqual(series(page, 'istio_tcp_connections_closed_total', well), [5]);
    assert.deepEqual(series(page, 'istio_tcp_received_bytes_total', well), [50]);
    assert.deepEqual(series(page, 'istio_tcp_sent_bytes_total', well), [100]);
    assert.deepEqual(series(page, 'istio_tcp_connections_failed_total', 'response_flags="DENY"'), [2]);
    assert.deepEqual(series(page, 'istio_tcp_connections_closed_total', 'response_flags="DENY"'), [2]);
  });

  it("every series has all of Istio's labels", () => {
    const lines = page.split('\n').filter((line) => line.startsWith('istio_tcp_connections_opened_total{'));
    assert.equal(lines.length, 2);
    for (const line of lines) {
      const labels = [...line.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name]) => name);
      assert.deepEqual(labels.sort(), [...tcpLabels].sort());
    }
  });

  const totalled: readonly (readonly [string, string, number])[] = [
    ['isthmus_connections_open', '', 2],
    ['isthmus_listeners_open', '', 4],
    ['isthmus_tunnels_pooled', '', 6],
    ['isthmus_slots_taken', '', 24],
    ['isthmus_peer_limited_total', '', 26],
    ['isthmus_stalled_tunnels_reset_total', '', 28],
    ['isthmus_gateway_dials_total', '', 8],
    ['isthmus_gateway_refusals_total', '', 10],
    ['isthmus_tls_handshakes_failed_total', '', 12],
    ['isthmus_handshakes_in_progress', '', 30],
    ['isthmus_handshakes_evicted_total', '', 32],
    ['isthmus_handshakes_timed_out_total', '', 34],
    ['isthmus_handshakes_refused_total', '', 36],
    ['isthmus_xds_connected', '', 1],
    ['isthmus_policies_held', '', 3],
    [
      'isthmus_certificate_expiry_timestamp_seconds',
      'identity="spiffe://cluster.local/ns/shop/sa/front"',
      1_800_000_000.5,
    ],
    ['istio_tcp_sockets_open', 'reporter="source"', 12],
    ['istio_tcp_sockets_open', 'reporter="destination"', 14],
    ['isthmus_metric_series_evicted_total', '', 16],
    ['isthmus_connections_dropped_total', '', 22],
    ['isthmus_access_log_dropped_total', '', 18],
    ['isthmus_tap_dropped_total', '', 20],
    ['istio_build', `component="ztunnel",tag="${version}"`, 1],
  ];
  for (const [name, label, value] of totalled)
    it(`has ${name}${label === '' ? '' : `{${label}}`}`, () =>
      assert.deepEqual(series(page, name, label), [value]));
});
