import { Counter, Gauge, Registry } from 'prom-client';
import { tcpLabels, type Counted } from '../telemetry/tcp-metrics.ts';
import type { WorkerReport } from '../worker/host.ts';

const labelNames = [...tcpLabels];

/** The metrics page: what the workers counted, added up and copied at each look. */
export async function metricsPage(
  reports: readonly WorkerReport[],
): Promise<{ text: string; contentType: string }> {
  const registry = new Registry();
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const opened = counter('istio_tcp_connections_opened_total', 'TCP connections opened');
  const closed = counter('istio_tcp_connections_closed_total', 'TCP connections closed');
  const failed = counter('istio_tcp_connections_failed_total', 'TCP connections that failed or were denied');
  const received = counter('istio_tcp_received_bytes_total', 'Bytes from client to server');
  const sent = counter('istio_tcp_sent_bytes_total', 'Bytes from server to client');
  for (const one of reports.flatMap(({ metrics }) => metrics as readonly Counted[])) {
    const labels = one.labels as Record<string, string>;
    opened.inc(labels, one.opened);
    closed.inc(labels, one.closed);
    failed.inc(labels, one.failed);
    received.inc(labels, one.received);
    sent.inc(labels, one.sent);
  }
  const totals = reports.map(({ connections }) => connections as Record<string, number>);
  const total = (field: string) => totals.reduce((sum, one) => sum + (one[field] ?? 0), 0);
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name, help, registers: [registry] }).set(value);
  gauge('isthmus_connections_open', 'Connections and sessions that live now', total('open'));
  gauge('isthmus_listeners_open', 'Addresses that are listened on', total('listeners'));
  gauge('isthmus_tunnels_pooled', 'Tunnel sessions in the pool', total('pooled'));
  const count = (name: string, help: string, value: number) =>
    new Counter({ name, help, registers: [registry] }).inc(value);
  count('isthmus_gateway_dials_total', 'Connections that a gateway has dialled', total('gatewayDials'));
  count(
    'isthmus_gateway_refusals_total',
    'Requests that a gateway has refused without dialling',
    total('gatewayRefusals'),
  );
  return { text: await registry.metrics(), contentType: registry.contentType };
}
