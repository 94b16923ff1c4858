import { Counter, Gauge, Registry } from 'prom-client';
import type { StatusDeps } from './status.ts';

interface Sources extends StatusDeps {
  readonly ready: boolean;
  readonly signed: number;
  readonly refused: ReadonlyMap<string, number>;
  readonly rejected: ReadonlyMap<string, number>;
}

/** The agent's metrics in Prometheus' text format, computed at each scrape. */
export async function metricsPage(sources: Sources): Promise<{ text: string; contentType: string }> {
  const { view, hubStore, issuer, xds, link, hubEpoch } = sources;
  const registry = new Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name: `isthmus_agent_${name}`, help, registers }).set(value);
  const counter = (name: string, help: string, label: string, counts: ReadonlyMap<string, number>) => {
    const one = new Counter({ name: `isthmus_agent_${name}`, help, labelNames: [label], registers });
    for (const [value, count] of counts) one.inc({ [label]: value }, count);
  };
  const clients = xds.connectedClients();
  gauge('ready', '1 when /readyz answers 200', Number(sources.ready));
  gauge('link_connected', '1 while the link to the hub is up', Number(link.connected));
  gauge('hub_epoch', 'Highest epoch that was seen of the hub', Number(hubEpoch()));
  gauge('hub_state_complete', '1 once everything of the hub was received', Number(hubStore.complete));
  gauge('pods', 'Pods of the cluster', view.podCount);
  gauge('manifests_rejected', 'Findings in manifests that are not as they should be', view.rejections.size);
  const until = issuer.currentUntil;
  if (until !== undefined)
    gauge('intermediate_expiry_timestamp_seconds', 'End of the intermediate that signs', until / 1000);
  gauge(
    'acknowledgements_pending',
    'Responses that proxies have yet to answer',
    clients.reduce((sum, { unanswered }) => sum + unanswered, 0),
  );
  const streams = new Gauge({
    name: 'isthmus_agent_xds_streams',
    help: 'Proxies that are connected, by kind',
    labelNames: ['kind'],
    registers,
  });
  for (const { kind } of clients) streams.inc({ kind });
  new Counter({
    name: 'isthmus_agent_certificates_signed_total',
    help: 'Certificates issued to proxies',
    registers,
  }).inc(sources.signed);
  counter('certificates_refused_total', 'Certificates that were refused, by code', 'code', sources.refused);
  counter('proxy_rejections_total', 'Resources that proxies refused, by type', 'type', sources.rejected);
  return { text: await registry.metrics(), contentType: registry.contentType };
}
