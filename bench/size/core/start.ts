import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { defaultLimits } from '@isthmus/api/domain/limits.ts';
import { defaultTrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { fileKeyProvider } from '@isthmus/mesh/pki/seal.ts';
import { CommandRunner } from '../../../federation/command/run.ts';
import type { Catalog } from '../../../federation/compile/catalog.ts';
import { apiServer } from '../../../federation/graphql/server.ts';
import { hubState } from '../../../federation/hub-state.ts';
import { hubPorts } from '../../../federation/link/hub-ports.ts';
import { LinkHandlers } from '../../../federation/link/link-handlers.ts';
import { listenFree } from '../../../federation/listening.ts';
import type { Live } from '../../../federation/state/live.ts';
import { advertisedOutside } from '../../../federation/outside/advertised.ts';
import { AdminToken } from '../../../federation/trust/admin-token.ts';
import { memoryStore } from '../../../federation/store/memory.ts';
import type { Store } from '../../../federation/store/store.ts';
import { LinkCa, mintLinkCa } from '../../../federation/trust/link-ca.ts';
import { mintTrustDomain } from '../../../federation/trust/trust-domain.ts';
import { watchState } from '../../../federation/watch-state.ts';
import { CoreWorld } from './world.ts';

const hubId = 'bench';

export interface Core {
  readonly live: Live;
  readonly catalog: Catalog;
  readonly ca: LinkCa;
  readonly world: CoreWorld;
  readonly handlers: ReturnType<LinkHandlers['handlers']>;
  /** Of reports; each is hashed once for all clusters that make it. */
  readonly mark: (name: string, version: string) => bigint;
  readonly url: string;
  readonly token: string;
}

/**
 * A hub that was there before and has been started again, as `startHub` makes it, without its listeners for agents. What
 * it stores is in memory but for reports, which a hub's memory holds only as what they say.
 */
export async function startCore({
  clusters,
  services,
  stateDir,
  host,
}: {
  readonly clusters: number;
  readonly services: number;
  readonly stateDir: string;
  readonly host: string;
}): Promise<Core> {
  mkdirSync(stateDir, { recursive: true });
  const [clock, random, log] = [systemClock, systemRandom, silentLog];
  const provider = fileKeyProvider(join(stateDir, 'sealing-key'), random);
  const tools = { provider, random, now: clock.now() };
  const ca = LinkCa.open(mintLinkCa(hubId, tools), provider, clock, random);
  const world = new CoreWorld(clusters, services, mintTrustDomain(defaultTrustDomain, tools), tools);
  const store = await storeOf(world);
  const { epoch } = await store.lead();
  const settings = {
    hubId,
    trustDomain: defaultTrustDomain,
    linkCaHash: ca.hash,
    exportByLabel: true,
    exports: 'open' as const,
  };
  const listen = { linkListen: `${host}:2`, joinListen: `${host}:1`, advertiseLink: [], advertiseJoin: [] };
  const outside = advertisedOutside(listen);
  const { signal } = new AbortController();
  const state = await hubState(
    { store, settings, epoch, clock, log, limits: defaultLimits, outside },
    signal,
  );
  const { live, catalog, restored } = state;
  const token = new AdminToken('the-token-of-the-bench-and-of-nobody-else');
  const runner = new CommandRunner({ store, live, clock, random, secrets: token.known });
  const deps = { clock, random, log, store, runner, ca, provider, limits: defaultLimits };
  const ports = hubPorts({ ...deps, ...state });
  const linkHandlers = new LinkHandlers(ports, restored);
  ports.onChange((changes, now) => linkHandlers.changed(changes, now));
  watchState({ live, store, runner, clock, log }, signal);
  const api = apiServer(log);
  const port = await listenFree(api.server, host, 8080, '--api-listen');
  api.open(
    {
      live,
      store,
      runner,
      clock,
      random,
      log,
      ask: (cluster, ask) => linkHandlers.ask(cluster, ask),
      ofHub: () => [],
    },
    token,
  );
  return {
    live,
    catalog,
    ca,
    world,
    handlers: linkHandlers.handlers(),
    mark: (name, version) => restored.shared.mark(name, version),
    url: `http://${host}:${port}/graphql`,
    token: token.current,
  };
}

async function storeOf(world: CoreWorld): Promise<Store> {
  const store = memoryStore();
  const { epoch } = await store.lead();
  const audit = {
    id: 'a',
    at: 1,
    actor: 'bench',
    action: 'put',
    subject: '',
    reason: '',
    outcome: '{}',
    idempotencyKey: '',
  };
  const writes = world.intent.map(({ id, put }) => ({ put, id, expected: undefined }));
  await store.commit({ writes, audit, fence: epoch });
  const at = new Map(world.clusters.map((cluster, i) => [cluster, i]));
  return {
    ...store,
    saveReports: () => Promise.resolve(),
    reportedClusters: () => Promise.resolve(world.clusters),
    readReports: (cluster) => Promise.resolve(world.stored(at.get(cluster) ?? -1)),
  };
}
