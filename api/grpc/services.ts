import { Joining, Link } from '../gen/isthmus/link_pb.js';
import { Replicas } from '../gen/isthmus/replica_pb.js';
import { ProxyReporting } from '../gen/isthmus/proxy_pb.js';
import { IstioCertificateService } from '../gen/upstream/ca_pb.js';
import { AggregatedDiscoveryService } from '../gen/upstream/discovery_pb.js';
import { certificateRequest, certificateResponse } from '../wire/certificate.ts';
import { discoveryRequest, discoveryResponse } from '../wire/discovery.ts';
import * as link from '../wire/link.ts';
import * as replica from '../wire/replica.ts';
import { proxyReport, proxyReportEnd } from '../wire/proxy-report.ts';
import { method } from './method.ts';

/** Delta discovery, on which proxies get the workload API. */
export const discoveryService = {
  deltaAggregatedResources: method(
    AggregatedDiscoveryService.method.deltaAggregatedResources,
    discoveryRequest,
    discoveryResponse,
  ),
};

/** Istio's certificate service, at the same address. */
export const certificateService = {
  createCertificate: method(
    IstioCertificateService.method.createCertificate,
    certificateRequest,
    certificateResponse,
  ),
};

/** What our own proxies tell of themselves, at the same address. */
export const proxyReportingService = {
  report: method(ProxyReporting.method.report, proxyReport, proxyReportEnd),
};

/** The hub's listener for agents that are no members yet. */
export const joiningService = {
  join: method(Joining.method.join, link.joinRequest, link.joinResponse),
};

/** Between the replicas of one agent. */
export const replicaService = {
  share: method(Replicas.method.share, replica.shared, replica.shared),
  hubState: method(Replicas.method.hubState, replica.hubStateRequest, replica.hubStatePage),
};

/** On the call of `sync`: the highest epoch that the agent has seen of this hub, decimal. */
export const epochHeader = 'isthmus-epoch';

/** On the call of `sync` and on its response: this end reads digests of what is held (`DeltaRequest.digests`). */
export const digestsHeader = 'isthmus-digests';

/** On the calls of the streams of a link: which replica of the agent calls, `leader` or `follower`, and its version. */
export const replicaHeader = 'isthmus-replica';
export const roleHeader = 'isthmus-role';
export const agentVersionHeader = 'isthmus-agent-version';

/** The hub's listener for agents. */
export const linkService = {
  sync: method(Link.method.sync, link.syncMessage, link.syncMessage),
  health: method(Link.method.health, link.healthReport, link.healthAck),
  answer: method(Link.method.answer, link.reply, link.question),
  signIntermediate: method(
    Link.method.signIntermediate,
    link.signIntermediateRequest,
    link.signIntermediateResponse,
  ),
  renewLink: method(Link.method.renewLink, link.renewLinkRequest, link.renewLinkResponse),
};
