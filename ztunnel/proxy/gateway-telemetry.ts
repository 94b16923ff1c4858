import type { GatewayDecision } from '@isthmus/mesh/decide/gateway.ts';
import { parseBaggage } from '@isthmus/mesh/hbone/baggage.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import type { ProxyConfig } from '../configuration.ts';
import { shownWorkload } from '../telemetry/access-log.ts';
import type { Party } from '../telemetry/tcp-labels.ts';
import type { ConnectionTelemetry } from './carry.ts';

/** What came to a gateway. */
export interface GatewayArrival {
  /** `address:port` of the caller. */
  readonly from: string;
  /** The authority of a CONNECT, or the server name of a handshake that is passed through. */
  readonly wanted: string;
  /** Who proved itself; undefined on 15443, where nothing is terminated. */
  readonly peer: Peer | undefined;
  readonly trace: string | undefined;
  /** Monotonic, when it arrived. */
  readonly started: number;
}

type Forward = Extract<GatewayDecision, { kind: 'forward' }>;

/** What a gateway knows of its caller is what the certificate proves: addresses of other networks say nothing here. */
const partyOf = ({ cluster, identity }: Peer): Party => ({
  ...parseBaggage(),
  cluster,
  namespace: identity?.namespace ?? '',
});

/**
 * What a gateway logs and counts of a connection. `endpoint` is what it dialled, as `address:port`. Its log names the pod
 * behind that; its metrics do not, as the pod's own proxy counts the connection as the destination.
 */
export function gatewayTelemetry(
  config: Pick<ProxyConfig, 'address' | 'cluster'>,
  { from, wanted, peer, trace }: GatewayArrival,
  decision: Forward | undefined,
  endpoint?: string,
): ConnectionTelemetry {
  const service = decision?.service;
  const source = peer && partyOf(peer);
  const dialled = decision?.candidates.find(
    ({ address, port }) => `${address}:${port}` === endpoint,
  )?.workload;
  return {
    trace,
    record: {
      srcAddr: from,
      srcNamespace: source?.namespace,
      srcIdentity: peer?.spiffeId,
      srcCluster: source?.cluster,
      dstAddr: endpoint ?? `${config.address}:${peer ? 15008 : 15443}`,
      dstHboneAddr: wanted,
      dstService: service?.hostname,
      dstWorkload: shownWorkload(dialled),
      dstNamespace: dialled?.namespace,
      dstCluster: dialled?.cluster ?? config.cluster,
      direction: 'inbound',
    },
    facts: {
      reporter: 'destination',
      service,
      mtls: peer !== undefined,
      source: { workload: source, identity: peer?.spiffeId },
      destination: { workload: undefined, identity: undefined },
    },
  };
}
