import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { configMaps } from '@isthmus/api/kube/resources.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { untilAnswered } from './until-answered.ts';

export const rootName = 'isthmus-xds-root';

interface Deps {
  readonly server: Pick<ApiServer, 'patch'>;
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Shows the root of the serving certificate, PEM, in a ConfigMap that proxies mount. Tries until it is there, or the agent
 * stops.
 */
export async function showRoot(
  root: string,
  { server, namespace, clock, random, log, signal }: Deps,
): Promise<void> {
  const object = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: rootName, namespace, labels: { 'app.kubernetes.io/managed-by': 'isthmus-agent' } },
    data: { 'root-cert.pem': root },
  };
  const how = { how: 'apply', fieldManager: 'isthmus-agent', force: true } as const;
  const show = () => server.patch(configMaps, { namespace, name: rootName }, how, object);
  try {
    await untilAnswered({ clock, random, signal }, show, (why) =>
      log.warn(
        { configMap: `${namespace}/${rootName}`, error: why },
        'the root for proxies is not shown; trying again',
      ),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
