import type { KeyPair } from '@isthmus/api/grpc/certificates.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { WorkloadIssuer } from '../ca/issuer.ts';
import { serveCertificates } from '../ca/serve-certificates.ts';
import type { ClusterHealth } from '../health/cluster-health.ts';
import type { ClusterRuntime } from '../runtime/cluster-runtime.ts';
import type { TranslateInput } from '../translate/input.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import { refusalOf } from '../xds/admission.ts';
import type { ProxyFollower } from '../xds/follower.ts';
import { clusterXds } from '../xds/serve.ts';
import type { XdsServer } from '../xds/server.ts';
import { serveReports, type ServedReports } from './serve-reports.ts';

interface Deps {
  /** Of the listener. */
  readonly serving: KeyPair;
  readonly runtime: Pick<ClusterRuntime, 'authenticator' | 'addresses'>;
  readonly input: TranslateInput;
  readonly issuer: WorkloadIssuer;
  readonly health: ClusterHealth;
  readonly snapshot: () => ClusterSnapshot | undefined;
  /** Counts certificates. */
  readonly status: () => { signed(): void; refused(code: string): void };
  /** Parts that follow the streams of proxies, in the order in which they hear of them. */
  readonly followers: () => readonly ProxyFollower[];
  readonly clock: Clock;
  readonly log: Log;
}

/** All that this cluster's proxies call, on one listener, which does not listen yet: xDS, certificates and their reports. */
export function serveProxies(deps: Deps): { readonly xds: XdsServer; readonly proxies: ServedReports } {
  const { serving, runtime, input, issuer, health, snapshot, status, followers, clock, log } = deps;
  const { authenticator, addresses } = runtime;
  const { cluster, trustDomain, view, hub } = input;
  const xds = clusterXds({ identity: serving, authenticator, addresses, input, followers, clock, log });
  const proxies = serveReports(xds, {
    identity: { cluster, trustDomain },
    view,
    hub: { view: hub },
    snapshot,
    addresses,
    health,
    refusalOf: (client, caller) => refusalOf(input, client, caller),
    clock,
    log,
  });
  serveCertificates(xds, {
    authenticator,
    issuer,
    view,
    hub,
    trustDomain,
    onIssued(proxyUid, identity, leaf) {
      status().signed();
      health.issued(proxyUid, identity, leaf);
    },
    onRefused: (code) => status().refused(code),
    clock,
    log,
  });
  return { xds, proxies };
}
