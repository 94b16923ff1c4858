import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import type { KeyPair } from '@isthmus/api/grpc/certificates.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Authenticator } from '../ca/authenticator.ts';
import type { OwnAddresses, ServiceAddresses } from '../runtime/cluster-runtime.ts';
import type { TranslateInput } from '../translate/input.ts';
import { networkOf } from '../translate/network.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { countsAsProxy, refusalOf } from './admission.ts';
import type { Vips } from './client-view.ts';
import type { ProxyFollower } from './follower.ts';
import { XdsServer } from './server.ts';

interface Deps {
  /** Of the listener. */
  readonly identity: KeyPair;
  readonly authenticator: Authenticator;
  readonly addresses: ServiceAddresses;
  readonly input: TranslateInput;
  /** In the order in which they hear of a stream. Asked for when there is something to hear. */
  readonly followers: () => readonly ProxyFollower[];
  readonly clock: Clock;
  readonly log: Log;
}

/** The control plane of this cluster's proxies: who may have a stream, which addresses services have there, and who follows. */
export function clusterXds(deps: Deps): XdsServer {
  const { identity, authenticator, addresses, input, followers, clock, log } = deps;
  const xds = new XdsServer({
    certificates: new Certificates(identity),
    authenticate: (metadata) => authenticator.authenticate(metadata.get('authorization')[0]?.toString()),
    refusalOf: (client, caller) => refusalOf(input, client, caller),
    counts: (client) => countsAsProxy(input, client),
    onClient: (client) => {
      for (const follower of followers()) follower.opened?.(client);
    },
    onLost: (client, isReplicaLost) => {
      for (const follower of followers()) follower.lost?.(client, isReplicaLost);
    },
    vips: addresses.kind === 'PER_CLIENT' ? vipsOf(addresses, input.view) : undefined,
    clock,
    log,
  });
  xds.onApplied((event) => {
    for (const follower of followers()) follower.answered?.(event);
  });
  return xds;
}

/** Addresses of services, in the network of this cluster. */
const vipsOf =
  (addresses: Pick<OwnAddresses, 'of'>, view: ClusterView): Vips =>
  (client, service) => {
    const network = networkOf(view);
    return addresses.of(client, service).map((address) => ({ network, address, prefix: undefined }));
  };
