import { identityOf } from '@isthmus/mesh/decide/identities.ts';
import type { OutboundRequest, Route } from '@isthmus/mesh/decide/outbound.ts';
import { parseBaggage } from '@isthmus/mesh/hbone/baggage.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import { shownWorkload } from '../telemetry/access-log.ts';
import type { Party } from '../telemetry/tcp-labels.ts';
import type { ConnectionTelemetry } from './carry.ts';
import type { Reached } from './dial-route.ts';

/** As `host:port`. */
export const targetText = (target: OutboundRequest['target']): string =>
  `${target.kind === 'address' ? target.address : target.hostname}:${target.port}`;

/**
 * Who is at the far end: a pod is known; a split-horizon entry stands for many, and the answer itself says which it
 * was, within what its certificate proves.
 */
function destinationOf(
  service: Service | undefined,
  route: Route | undefined,
  reached: Reached | undefined,
): Party {
  const entry = route?.workload;
  if (entry && entry.addresses.length > 0) return entry;
  const said = parseBaggage(reached?.baggage);
  const namespace = reached?.peer?.identity?.namespace ?? service?.namespace ?? '';
  return { ...said, namespace, cluster: reached?.peer?.cluster ?? entry?.cluster ?? '' };
}

/** What is logged and counted of a connection of a local pod; `srcCluster` is the proxy's own. */
export function outboundTelemetry(
  srcCluster: string,
  source: Workload | undefined,
  srcAddr: string,
  dstAddr: string,
  service: Service | undefined,
  route: Route | undefined,
  reached: Reached | undefined,
): ConnectionTelemetry {
  const destination = destinationOf(service, route, reached);
  const srcIdentity = source && route?.kind !== 'plaintext' ? identityOf(source) : undefined;
  const dstIdentity = reached?.peer?.spiffeId;
  return {
    record: {
      srcAddr,
      srcWorkload: shownWorkload(source),
      srcNamespace: source?.namespace,
      srcIdentity,
      srcCluster,
      dstAddr,
      dstHboneAddr: reached?.authority,
      dstService: service?.hostname,
      dstWorkload: shownWorkload(destination),
      dstNamespace: destination.namespace,
      dstIdentity,
      dstCluster: destination.cluster,
      direction: 'outbound',
    },
    facts: {
      reporter: 'source',
      source: { workload: source, identity: srcIdentity },
      destination: { workload: destination, identity: dstIdentity },
      service,
      mtls: reached?.peer !== undefined,
    },
  };
}
