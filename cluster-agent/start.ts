import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { requireSealingKey } from '@isthmus/mesh/pki/seal.ts';
import { lockFolder } from '@isthmus/mesh/process/folder-lock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { placeOf, servingOf, type AgentOptions } from './agent-options.ts';
import { assemble } from './app.ts';
import { activated } from './link/hub-changes.ts';
import { linkIdentity } from './link/identity.ts';
import type { Parts } from './parts.ts';
import { logRejections } from './runtime/rejection-log.ts';
import { rootOf } from './xds/serving.ts';
import { serveStatus } from './telemetry/status.ts';

/** Makes the agent's parts and starts them, alone in the state folder. */
export async function startAgent(options: AgentOptions, signal: AbortSignal): Promise<Parts> {
  const { stateDir } = options;
  const lock = lockFolder(stateDir, 'isthmus-agent');
  try {
    const place = await placeOf(options, signal);
    const { kept } = place;
    await kept.restore();
    requireSealingKey(join(stateDir, 'sealing-key'), sealedIn(stateDir));
    const identity = await linkIdentity({ ...options, kept });
    // All replicas serve with one key, which the first of them has made.
    servingOf(options);
    await kept.keep();
    place.showRoot(rootOf(servingOf(options)));
    await place.prepare();
    const parts = assemble(options, place, identity);
    await start(parts, options, signal);
    kept.follow(parts.taken);
    signal.addEventListener('abort', () => lock.release(), { once: true });
    return parts;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Files that the sealing key has sealed parts of. */
const sealedIn = (stateDir: string): readonly string[] =>
  ['link.json', 'joining-key', 'intermediate.json', 'xds-serving.json', 'token-key'].filter((name) =>
    existsSync(join(stateDir, name)),
  );

async function start(parts: Parts, options: AgentOptions, signal: AbortSignal): Promise<void> {
  const {
    view,
    runtime,
    hub,
    issuer,
    health,
    leadership,
    xds,
    exchange,
    link,
    status,
    renewals,
    due,
    publish,
  } = parts;
  const { log, xdsHost, xdsPort, admin } = options;
  if (admin) await serveStatus(status, admin, log, signal);
  await xds.listen(xdsHost, xdsPort);
  health.start();
  void runtime.source.run((batch) => {
    logRejections(batch, log);
    publish(view.apply(batch));
  }, signal);
  issuer.activate(activated(hub.view));
  if (exchange && options.replicaListen !== undefined) {
    await exchange.listen(options.replicaListen);
    void exchange.run(signal);
  }
  void leadership.run(signal);
  void link.run(signal);
  renewals.look();
  due.arm();
  signal.addEventListener('abort', () => stop(parts, log));
}

function stop({ due, health, hubState, xds }: Parts, log: Log): void {
  due.stop();
  health.stop();
  void hubState.close();
  xds.close().catch((error: unknown) => log.warn({ error: String(error) }, 'xds did not close'));
}
