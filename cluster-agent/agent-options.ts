import { join } from 'node:path';
import { mainReplica } from '@isthmus/api/domain/replica.ts';
import type { KeyPair } from '@isthmus/api/grpc/certificates.ts';
import { fileKeyProvider } from '@isthmus/mesh/pki/seal.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { ListenAddress } from '@isthmus/mesh/process/flags.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { keptInFolder } from './kept/kept.ts';
import { leadsAlone, type Leadership } from './leader/leadership.ts';
import type { Place } from './runtime/place.ts';
import { filesRuntime, type FilesOptions } from './source/files/runtime.ts';
import type { KubernetesOptions } from './source/kubernetes/place.ts';
import type { NodeProxyAccounts } from './view/node-proxy.ts';
import { servingIdentity } from './xds/serving.ts';

/** Where the cluster runs: a folder of files on this machine, or Kubernetes. */
export type RuntimeOptions =
  ({ readonly kind: 'files' } & FilesOptions) | ({ readonly kind: 'kubernetes' } & KubernetesOptions);

export interface AgentOptions {
  readonly cluster: string;
  readonly stateDir: string;
  readonly runtime: RuntimeOptions;
  readonly xdsHost: string;
  /** Names in the serving certificate, beside the host that is listened at. */
  readonly xdsNames?: readonly string[];
  readonly xdsPort: number;
  /** Where `/livez`, `/readyz` and `/metrics` are; undefined: nowhere. */
  readonly admin?: ListenAddress | undefined;
  readonly localAddress: string;
  readonly tokenFile: string | undefined;
  /** Undefined: that of the place where the agent runs. */
  readonly leadership?: Leadership | undefined;
  /** host:port where other replicas say what they know of their proxies; undefined: there are no others. */
  readonly replicaListen?: string | undefined;
  readonly trustDomain: string;
  /** Service accounts of ztunnels that serve a node, `<namespace>/<name>`; Istio's without. */
  readonly nodeProxyAccounts?: NodeProxyAccounts | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Where an agent runs by its options. What speaks to Kubernetes is loaded only where that is it. */
export async function placeOf(options: AgentOptions, signal: AbortSignal): Promise<Place> {
  const { runtime, stateDir, leadership, clock, random, log } = options;
  if (runtime.kind === 'kubernetes') {
    const { kubernetesPlace } = await import('./source/kubernetes/place.ts');
    const address = options.replicaListen ?? '';
    return kubernetesPlace(runtime, { address, leadership, stateDir, clock, random, log, signal });
  }
  return {
    kept: keptInFolder,
    leadership: leadership ?? leadsAlone(mainReplica),
    prepare: () => Promise.resolve(),
    // `xds-root.pem` is in the state folder.
    showRoot: () => undefined,
    runtime: (deps) => filesRuntime(runtime, deps),
  };
}

/** Key and certificate of the listener for proxies, as they are in the state folder or made now. */
export function servingOf({ stateDir, xdsHost, xdsNames = [], clock, random, log }: AgentOptions): KeyPair {
  const provider = fileKeyProvider(join(stateDir, 'sealing-key'), random);
  const isAnywhere = xdsHost === '0.0.0.0' || xdsHost === '::';
  const names = isAnywhere && xdsNames.length > 0 ? xdsNames : [xdsHost, ...xdsNames];
  return servingIdentity(stateDir, names, { provider, random, clock, log });
}
