import { Counter, Gauge, Registry } from 'prom-client';
import { version } from '@isthmus/mesh/process/version.ts';
import { tcpLabels } from '../telemetry/tcp-labels.ts';
import { addDns } from './dns-page.ts';
import type { Counted } from '../telemetry/tcp-metrics.ts';
import type { CountedTotal, HandshakeTotal, WorkerReport, WorkerTotals } from '../messages.ts';

type CountedField = 'opened' | 'closed' | 'failed' | 'received' | 'sent';

const tcp: Readonly<Record<CountedField, readonly [name: string, help: string]>> = {
  opened: ['istio_tcp_connections_opened_total', 'TCP connections opened'],
  closed: ['istio_tcp_connections_closed_total', 'TCP connections closed'],
  failed: ['istio_tcp_connections_failed_total', 'TCP connections that failed or were denied'],
  received: ['istio_tcp_received_bytes_total', 'Bytes from client to server'],
  sent: ['istio_tcp_sent_bytes_total', 'Bytes from server to client'],
};

const gauges: Readonly<
  Record<'open' | 'listeners' | 'pooled' | 'slots' | 'handshakes', readonly [name: string, help: string]>
> = {
  open: ['isthmus_connections_open', 'Connections and sessions that live now'],
  listeners: ['isthmus_listeners_open', 'Addresses that are listened on'],
  pooled: ['isthmus_tunnels_pooled', 'Tunnel sessions in the pool'],
  slots: ['isthmus_slots_taken', 'Connections and CONNECTs that take a slot now, of those that a worker has'],
  handshakes: ['isthmus_handshakes_in_progress', 'Accepted connections whose peer is not known yet'],
};

const counters: Readonly<
  Record<CountedTotal | HandshakeTotal | 'seriesEvicted', readonly [name: string, help: string]>
> = {
  gatewayDials: ['isthmus_gateway_dials_total', 'Connections that a gateway has dialled'],
  gatewayRefusals: ['isthmus_gateway_refusals_total', 'Requests that a gateway refused without dialling'],
  handshakesFailed: [
    'isthmus_tls_handshakes_failed_total',
    'TLS handshakes of accepted connections that failed or were refused',
  ],
  handshakesEvicted: [
    'isthmus_handshakes_evicted_total',
    'Handshakes in progress that were ended for a new one, as a limit was reached',
  ],
  handshakesTimedOut: ['isthmus_handshakes_timed_out_total', 'Handshakes that were not completed in time'],
  handshakesRefused: [
    'isthmus_handshakes_refused_total',
    'Connections refused before the handshake, as too many of their address had failed',
  ],
  dropped: ['isthmus_connections_dropped_total', 'Connections and CONNECTs that came when there was no room'],
  limited: ['isthmus_peer_limited_total', 'Sessions and CONNECTs of identities that had used up their share'],
  sessionsBroken: [
    'isthmus_sessions_broken_total',
    'HTTP/2 sessions ended because their peer broke the protocol or a limit of a session',
  ],
  stallsReset: [
    'isthmus_stalled_tunnels_reset_total',
    'Stalled tunnels reset for the share of bytes of their identity',
  ],
  linesDropped: ['isthmus_access_log_dropped_total', 'Lines of the access log that could not be written'],
  chunksDropped: ['isthmus_tap_dropped_total', 'Chunks of the tap that could not be written'],
  seriesEvicted: ['isthmus_metric_series_evicted_total', 'Label sets of TCP metrics that gave way to newer'],
};

/** What the control thread knows. */
export interface ControlPlaneState {
  /** There is a stream to the control plane now. */
  readonly connected: boolean;
  /** Policies that are held. */
  readonly policies: number;
  /** End of each certificate that is held, epoch milliseconds, by identity. */
  readonly certificates: ReadonlyMap<string, number>;
}

/** The metrics page: what the workers counted, added up and copied at each look. */
export async function metricsPage(
  reports: readonly WorkerReport[],
  control: ControlPlaneState,
): Promise<{ text: string; contentType: string }> {
  const registry = new Registry();
  const registers = [registry];
  const series = reports.flatMap(({ metrics }) => metrics);
  for (const field of Object.keys(tcp) as CountedField[]) addSeries(registers, field, series);
  const total = (field: keyof WorkerTotals) => reports.reduce((sum, { totals }) => sum + totals[field], 0);
  for (const [field, [name, help]] of Object.entries(gauges))
    new Gauge({ name, help, registers }).set(total(field as keyof typeof gauges));
  for (const [field, [name, help]] of Object.entries(counters))
    new Counter({ name, help, registers }).inc(total(field as keyof typeof counters));
  addDns(
    registers,
    reports.flatMap(({ dns }) => dns),
  );
  addControl(registers, control);
  const sockets = new Gauge({
    name: 'istio_tcp_sockets_open',
    help: 'Accepted TCP sockets that are open',
    registers,
    labelNames: ['reporter'],
  });
  sockets.set({ reporter: 'source' }, total('sourceSockets'));
  sockets.set({ reporter: 'destination' }, total('destinationSockets'));
  const build = { name: 'istio_build', help: 'Component build', labelNames: ['component', 'tag'], registers };
  new Gauge(build).set({ component: 'ztunnel', tag: version }, 1);
  return { text: await registry.metrics(), contentType: registry.contentType };
}

function addControl(registers: Registry[], { connected, policies, certificates }: ControlPlaneState): void {
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name: `isthmus_${name}`, help, registers }).set(value);
  gauge('xds_connected', '1 while there is a stream to the control plane', Number(connected));
  gauge('policies_held', 'Authorization policies that are held', policies);
  const expiry = new Gauge({
    name: 'isthmus_certificate_expiry_timestamp_seconds',
    help: 'End of the certificate of an identity that this proxy serves',
    labelNames: ['identity'],
    registers,
  });
  for (const [identity, until] of certificates) expiry.set({ identity }, until / 1000);
}

function addSeries(registers: Registry[], field: CountedField, series: readonly Counted[]): void {
  const [name, help] = tcp[field];
  const counter = new Counter({ name, help, labelNames: [...tcpLabels], registers });
  for (const one of series) counter.inc({ ...one.labels }, one[field]);
}
