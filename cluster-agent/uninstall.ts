import { setTimeout as delay } from 'node:timers/promises';
import { kubeClient } from '@isthmus/api/kube/client.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { logLevelFlag, readFlags } from '@isthmus/mesh/process/flags.ts';
import { createLog } from '@isthmus/mesh/process/log.ts';
import { agentWrites } from './access.ts';
import { removeLeftovers, soughtBy } from './leftovers.ts';
import { agentsRun } from './running-agents.ts';

// What `helm uninstall` runs once the agent's Deployment is gone.

const flags = readFlags(
  'isthmus-uninstall',
  'removes from a cluster what its agent wrote there',
  [
    { name: 'kubernetes', value: 'KUBECONFIG', help: 'the path of a kubeconfig, or in-cluster' },
    { name: 'namespace', value: 'NAME', help: 'the namespace that the agent ran in' },
    logLevelFlag,
  ],
  ['kubernetes', 'namespace'],
);

const log = createLog('uninstall', flags.text('log-level'));
process.on('SIGTERM', () => process.exit(1));

/** How long pods of agents may take to end, milliseconds. */
const patience = 60_000;

async function untilNoAgentRuns(server: ApiServer, namespace: string): Promise<void> {
  const last = systemClock.monotonic() + patience;
  for (;;) {
    if (!(await agentsRun(server, namespace))) return;
    if (systemClock.monotonic() > last)
      throw new Error(`pods of the agent still run in ${namespace}: delete them, and run this again`);
    // Timers of the clock do not keep a process alive.
    await delay(500);
  }
}

async function uninstall(): Promise<void> {
  const { server } = kubeClient(flags.text('kubernetes'), systemClock);
  const namespace = flags.text('namespace');
  await untilNoAgentRuns(server, namespace);
  let count = 0;
  for await (const done of removeLeftovers(server, namespace, agentWrites)) {
    count++;
    log.info({}, done);
  }
  log.info({ count, lookedFor: soughtBy(namespace, agentWrites) }, 'nothing that the agent wrote is left');
}

uninstall().catch((error: unknown) => {
  log.error({ error: error instanceof Error ? error.message : String(error) }, 'not all could be removed');
  process.exit(1);
});
