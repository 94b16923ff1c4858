import { drawUsable } from '../balance/draw-usable.ts';
import type { ExpectedNames } from '../identity/expected-names.ts';
import type { Random } from '../process/random.ts';
import type { GatewayAddress } from '../records/gateway-address.ts';
import type { Address, MeshState } from '../state/mesh-state.ts';
import type { Service } from '../records/service.ts';
import type { Workload } from '../records/workload.ts';
import { namesOf } from './identities.ts';
import { targetPortOf } from './target-port.ts';

/** A network's gateway as it is dialled. */
export interface Gateway {
  readonly workload: Workload;
  readonly address: string;
  readonly port: number;
  /** Never empty. */
  readonly expect: ExpectedNames;
}

/**
 * The gateway that a workload names must itself be in the state: without its identity nobody could be expected
 * there. It is a workload, or a service of which one healthy endpoint is taken.
 */
export function gatewayOf(
  state: MeshState,
  named: GatewayAddress | undefined,
  random: Random,
): Gateway | undefined {
  if (!named) return undefined;
  const found = lookUp(state, named);
  if (found?.kind === 'service') return ofService(state, found.service, named.hbonePort, random);
  const address = named.kind === 'address' ? named.address : found?.workload.addresses[0];
  if (!found || address === undefined) return undefined;
  return { workload: found.workload, address, port: named.hbonePort, expect: namesOf(found.workload) };
}

const lookUp = (state: MeshState, named: GatewayAddress): Address | undefined =>
  named.kind === 'address'
    ? state.findUpstream(named.network, named.address)
    : state.findHostname(named.namespace, named.hostname);

function ofService(
  state: MeshState,
  service: Service,
  servicePort: number,
  random: Random,
): Gateway | undefined {
  let chosen: Gateway | undefined;
  drawUsable([state.endpoints.ranks(service, undefined)], random, (workload) => {
    const [address, port] = [workload.addresses[0], targetPortOf(service, workload, servicePort)];
    if (address === undefined || port === 0) return 'USELESS';
    chosen = { workload, address, port, expect: namesOf(workload, service.subjectAltNames) };
    return 'ENOUGH';
  });
  return chosen;
}
