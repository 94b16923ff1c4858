import { status, type Metadata } from '@grpc/grpc-js';
import type { ProxiesAnswer, ProxiesQuestion } from '@isthmus/api/domain/question.ts';
import { proxyReportingService } from '@isthmus/api/grpc/services.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';
import type { ClientId } from '../keys/names.ts';
import type { Caller } from '../ca/authenticator.ts';
import { parseProxyClient, type ProxyClient, type XdsCaller } from '../xds/proxy-client.ts';
import type { XdsServer } from '../xds/server.ts';
import type { ClusterHealth } from '../health/cluster-health.ts';
import type { ClusterIdentity } from '../view/cluster-identity.ts';
import { podsOf } from '../ca/pods.ts';
import type { ServiceAddresses } from '../runtime/cluster-runtime.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { allowedTo, type Surroundings } from './allowed.ts';
import { answerProxies } from './answer-proxies.ts';
import { ProxyReports } from './proxy-reports.ts';
import { ReportingService, type Refusal } from './reporting-service.ts';

interface Deps {
  readonly identity: ClusterIdentity;
  readonly view: ClusterView;
  readonly hub: { readonly view: Surroundings['hub'] };
  readonly snapshot: () => ClusterSnapshot | undefined;
  readonly addresses: ServiceAddresses;
  readonly health: Pick<ClusterHealth, 'certificateReported' | 'issuedByProxy'>;
  readonly refusalOf: (client: ProxyClient, caller: XdsCaller) => string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** What this cluster's proxies report, and the hooks by which it follows their xDS streams. */
export interface ServedReports {
  readonly reports: ProxyReports;
  /** One page of the proxies that are connected. */
  readonly answer: (question: ProxiesQuestion) => ProxiesAnswer;
  readonly lost: (client: ProxyClient) => void;
}

/** Adds the reports of proxies to the listener of xDS, to be called before it listens. */
export function serveReports(xds: XdsServer, deps: Deps): ServedReports {
  const { clock, log, view, health } = deps;
  const reports = new ProxyReports({
    clock,
    onCertificates: (client) => health.certificateReported(client),
  });
  const clients = new Map<ClientId, ProxyClient>();
  const service = new ReportingService({
    clientOf(call, nodeId) {
      const client = reporterOf(xds, deps, { peer: call.getPeer(), metadata: call.metadata }, nodeId);
      if (!client.ok) return client;
      clients.set(client.value.id, client.value);
      return ok(client.value.id);
    },
    allowed(call, id) {
      const client = clients.get(id);
      const caller = xds.callerOf(call.metadata);
      return client && isBound(caller) ? allowedTo(client, caller, aroundOf(deps)) : nothingAllowed;
    },
    reports,
    clock,
    lines: new LimitedLines(clock, log),
  });
  xds.addService(proxyReportingService, service.handlers());
  return {
    reports,
    answer: (question) =>
      answerProxies(
        {
          view,
          clients: xds.connectedClients(),
          reported: (client) => reports.of(client),
          counts: (client) => xds.countsOf(client),
          issued: health.issuedByProxy(),
        },
        question,
      ),
    lost({ id }) {
      clients.delete(id);
      service.end(id);
    },
  };
}

/** What decides which entries are taken, as of now. */
const aroundOf = ({ identity, view, hub, snapshot, addresses }: Deps): Surroundings => ({
  ...identity,
  view,
  pods: podsOf(view),
  hub: hub.view,
  snapshot: snapshot(),
  // At addresses that all have alike no proxy listens.
  isVipOf: (client, address) => addresses.kind === 'PER_CLIENT' && addresses.isOf(client, address),
});

/** A token that is bound to a pod says all that decides about identities. */
const isBound = (caller: XdsCaller | Caller | undefined): caller is Caller =>
  caller?.pod !== undefined && 'serviceAccount' in caller;

const nothingAllowed = {
  identity: () => false,
  place: () => false,
  service: () => false,
  cluster: () => false,
};

/** The proxy that the first message names, which must have its xDS stream open on the connection of the call. */
function reporterOf(
  xds: XdsServer,
  { refusalOf }: Deps,
  { peer, metadata }: { readonly peer: string; readonly metadata: Metadata },
  nodeId: string,
): Result<ProxyClient, Refusal> {
  const caller = xds.callerOf(metadata);
  if (!caller) return err({ code: status.UNAUTHENTICATED, details: 'not authenticated' });
  const client = parseProxyClient({ id: nodeId, cluster: '', metadata: {} }, caller);
  if (!client.ok) {
    const code = client.error.kind === 'unreadable' ? status.INVALID_ARGUMENT : status.PERMISSION_DENIED;
    return err({ code, details: client.error.message });
  }
  const refusal = refusalOf(client.value, caller);
  if (refusal !== undefined) return err({ code: status.PERMISSION_DENIED, details: refusal });
  if (xds.peerOf(client.value.id) === peer) return client;
  const details = `${client.value.id} has no xDS stream open on this connection: open it first`;
  return err({ code: status.FAILED_PRECONDITION, details });
}
