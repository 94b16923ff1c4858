import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { certificateService } from '@isthmus/api/grpc/services.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import type { HubView } from '../view/hub-view.ts';
import type { Authenticator } from './authenticator.ts';
import { hostingRefusal } from './hosting.ts';
import type { WorkloadIssuer } from './issuer.ts';
import { podsOf } from './pods.ts';
import { certificateHandlers } from './service.ts';

interface Listener {
  addService(service: ServiceDefinition, handlers: UntypedServiceImplementation): void;
}

interface Deps {
  readonly authenticator: Authenticator;
  readonly issuer: WorkloadIssuer;
  readonly view: ClusterView;
  readonly hub: Pick<HubView, 'intermediates'>;
  readonly trustDomain: TrustDomain;
  /** A pod's proxy, by the pod's uid, is about to hold this certificate, PEM. */
  readonly onIssued: (proxyUid: string, identity: string, leaf: string) => void;
  /** The code of a refusal. */
  readonly onRefused: (code: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Adds the certificate service to a listener, to be called before it listens. */
export function serveCertificates(listener: Listener, deps: Deps): void {
  const { authenticator, issuer, view, hub, trustDomain, onIssued, onRefused, clock, log } = deps;
  const handlers = certificateHandlers({
    authenticator,
    issuer,
    pods: podsOf(view),
    hostingRefusal: (identity, caller) =>
      hostingRefusal(view, hub.intermediates.get(issuer.currentKeyId ?? ''), identity, caller),
    trustDomain,
    onIssued,
    onRefused,
    clock,
    log,
  });
  listener.addService(certificateService, handlers);
}
