import { identityOf } from '@isthmus/mesh/decide/identities.ts';
import { parseBaggage } from '@isthmus/mesh/hbone/baggage.ts';
import type { Said } from '@isthmus/mesh/hbone/connect-headers.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import type { AddressPort } from '@isthmus/mesh/net/address.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import { shownWorkload } from '../telemetry/access-log.ts';
import { serviceMeant } from '../telemetry/service-meant.ts';
import type { Party } from '../telemetry/tcp-labels.ts';
import type { ProxyConfig } from '../configuration.ts';
import type { ConnectionTelemetry } from './carry.ts';

/** Who called, and how it is known. */
interface Caller {
  readonly address: string;
  readonly port: number;
  readonly peer: Peer | undefined;
  /** What its CONNECT says, where there is one. */
  readonly said: Said | undefined;
  readonly authority: string | undefined;
}

interface TelemetryDeps {
  readonly state: MeshState;
  readonly config: Pick<ProxyConfig, 'network'>;
}

/** A connection that came for a local pod. */
export interface Arrival {
  readonly deps: TelemetryDeps;
  readonly workload: Workload;
  /** What was called: an address of the workload. */
  readonly original: AddressPort;
  readonly caller: Caller;
  readonly port: number;
  /** The service that the CONNECT named, if it named one. */
  readonly service: Service | undefined;
}

const nobody: Party = parseBaggage();

/**
 * Who called. Inside the network its address tells, unless the identity is another's; through a gateway only its own
 * word is left. What the certificate proves outranks both: otherwise a peer could have itself counted as anybody.
 */
function sourceOf({ deps: { state, config }, caller: { address, peer, said } }: Arrival): Party {
  const known = state.workloads.atAddress(config.network, address);
  const isIt = known !== undefined && (peer === undefined || identityOf(known) === peer.spiffeId);
  const isForeign =
    said?.network !== undefined && said.network.toLowerCase() !== config.network.toLowerCase();
  const source = isForeign ? said.baggage : isIt ? known : nobody;
  if (!peer) return source;
  return { ...source, namespace: peer.identity?.namespace ?? '', cluster: peer.cluster };
}

/** What is logged and counted of a connection to a local pod. */
export function inboundTelemetry(arrival: Arrival): ConnectionTelemetry {
  const { deps, workload, original, caller, port } = arrival;
  const source = sourceOf(arrival);
  const own = caller.peer ? identityOf(workload) : undefined;
  const srcIdentity = caller.peer?.spiffeId;
  const service = arrival.service ?? serviceMeant(deps.state, workload, port, caller.said?.service);
  return {
    trace: caller.said?.trace,
    record: {
      srcAddr: `${caller.address}:${caller.port}`,
      srcWorkload: shownWorkload(source),
      srcNamespace: source.namespace,
      srcIdentity,
      srcCluster: source.cluster,
      dstAddr: `${original.address}:${caller.authority === undefined ? port : original.port}`,
      dstHboneAddr: caller.authority,
      dstService: service?.hostname,
      dstWorkload: shownWorkload(workload),
      dstNamespace: workload.namespace,
      dstIdentity: own,
      dstCluster: workload.cluster,
      direction: 'inbound',
    },
    facts: {
      reporter: 'destination',
      source: { workload: source, identity: srcIdentity },
      destination: { workload, identity: own },
      service,
      mtls: caller.peer !== undefined,
    },
  };
}
