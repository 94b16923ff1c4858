import { mkdirSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { fileKeyProvider } from '@isthmus/mesh/pki/seal.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { CommandRunner } from './command/run.ts';
import { watchExpiry } from './failover/expiry.ts';
import { watchOperations } from './failover/watch.ts';
import { Plans } from './failover/plans.ts';
import { adminToken } from './graphql/admin-token.ts';
import { apiServer } from './graphql/server.ts';
import { hubPorts, watchActivation } from './link/hub-ports.ts';
import { startLink } from './link/listeners.ts';
import { Reports } from './link/reports.ts';
import { watchNetworks } from './registry/network.ts';
import { Live } from './state/live.ts';
import { watchRemoval } from './state/removal.ts';
import { watchSweep } from './state/sweep.ts';
import { emptyShard } from './state/shard.ts';
import { memoryStore } from './store/memory.ts';
import { sqliteStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { LinkCa } from './trust/link-ca.ts';
import { mintTrustDomain } from './trust/trust-domain.ts';

export interface HubOptions {
  readonly stateDir: string;
  readonly apiHost: string;
  readonly apiPort: number;
  readonly linkListen: string;
  readonly joinListen: string;
  /** host:port under which agents reach the listeners, of each replica of the hub; none: what is listened on. */
  readonly advertiseLink: readonly string[];
  readonly advertiseJoin: readonly string[];
  readonly hubId: string;
  readonly trustDomain: string;
  readonly exportByLabel: boolean;
  readonly store: 'sqlite' | 'memory';
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The hub: its parts, and how they hear of one another. */
export async function startHub(options: HubOptions, signal: AbortSignal): Promise<{ url: string }> {
  const { stateDir, clock, random, log } = options;
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const provider = fileKeyProvider(join(stateDir, 'sealing-key'), random);
  const store = options.store === 'memory' ? memoryStore() : await sqliteStore(join(stateDir, 'hub.db'));
  const epoch = await store.nextEpoch();
  const ca = LinkCa.open(join(stateDir, 'link-ca.json'), options.hubId, provider, clock, random);
  const live = await Live.start(store, settingsOf(options, ca.hash), epoch, log, signal);
  const runner = new CommandRunner({ store, live, clock, random });
  await ensureTrustDomain(
    store,
    live,
    mintTrustDomain(options.trustDomain, { provider, random, now: clock.now() }),
    options,
    epoch,
  );
  const restored = await restoreReports(store, live, options);
  const server = ca.issueServer(hostsOf(options));
  const ports = hubPorts({ clock, random, log, live, store, runner, ca, provider, server });
  const link = await startLink(ports, { link: options.linkListen, join: options.joinListen }, restored);
  watchActivation({ live, runner, clock, log });
  watchRemoval({ live, store, log });
  watchNetworks({ live, runner, log }, signal);
  watchExpiry({ live, runner, clock, log }, signal);
  watchSweep({ live, runner, clock, log }, signal);
  watchOperations({ live, runner, clock, log }, signal);
  const token = adminToken(join(stateDir, 'admin-token'), random);
  const api = apiServer(
    {
      live,
      store,
      runner,
      plans: new Plans(clock),
      clock,
      random,
      log,
      ask: (cluster, ask) => link.ask(cluster, ask),
    },
    token,
  );
  const port = await listenFree(api, options.apiHost, options.apiPort);
  const url = `http://${options.apiHost}:${port}/graphql`;
  writeEndpoint(stateDir, url);
  log.info({ url, epoch, revision: live.current.intent.revision }, 'hub ready');
  signal.addEventListener('abort', () => {
    api.closeAllConnections();
    api.close();
    void link.stop().then(() => store.close());
  });
  return { url };
}

const hostOf = (listen: string): string => listen.slice(0, listen.lastIndexOf(':'));

/** What agents are told. Throws ADVERTISE when that would be an address that nobody can dial. */
function advertised(listen: string, advertise: readonly string[]): readonly string[] {
  if (advertise.length > 0) return advertise;
  if (!['0.0.0.0', '[::]', ''].includes(hostOf(listen))) return [listen];
  throw new CodedError(
    'ADVERTISE',
    `${listen} is every address of this machine: name those that agents can dial with --advertise-link and --advertise-join`,
  );
}

const linksOf = ({ linkListen, advertiseLink }: HubOptions) => advertised(linkListen, advertiseLink);
const joinsOf = ({ joinListen, advertiseJoin }: HubOptions) => advertised(joinListen, advertiseJoin);
const hostsOf = (options: HubOptions): readonly string[] => [
  ...new Set([...linksOf(options), ...joinsOf(options)].map(hostOf)),
];

const settingsOf = (options: HubOptions, linkCaHash: string) => ({
  ...{ hubId: options.hubId, trustDomain: options.trustDomain, exportByLabel: options.exportByLabel },
  ...{ linkCaHash, joinEndpoints: joinsOf(options), linkEndpoints: linksOf(options) },
});

/** The first start mints the one trust domain. */
async function ensureTrustDomain(
  store: Store,
  live: Live,
  record: ReturnType<typeof mintTrustDomain>,
  { clock, random }: HubOptions,
  fence: number,
): Promise<void> {
  if (live.current.intent.trustDomains.has(record.name)) return;
  const audit = {
    id: random.id(),
    at: clock.now(),
    actor: 'hub',
    action: 'mintTrustDomain',
    subject: `trustDomain/${record.name}`,
    reason: 'first start',
    outcome: '{}',
    idempotencyKey: '',
  };
  const result = await store.commit({
    writes: [{ put: record, id: record.name, expected: 0 }],
    audit,
    fence,
  });
  if (result.kind === 'committed') await live.reached(result.revision);
}

/** What clusters had reported before: shown as stale, and held until they report again. */
async function restoreReports(
  store: Store,
  live: Live,
  { clock, log }: HubOptions,
): Promise<Map<string, Reports>> {
  const restored = new Map<string, Reports>();
  const saved = await store.readObserved();
  for (const cluster of live.current.intent.clusters.keys()) {
    const bytes = saved.get(cluster);
    const loaded = bytes && Reports.load(bytes);
    if (loaded && !loaded.ok)
      log.warn({ cluster, error: loaded.error }, 'what this cluster had reported cannot be read');
    const shard = emptyShard(cluster, clock.now());
    live.setShard(loaded?.ok ? loaded.value.change(shard) : shard);
    if (loaded?.ok) restored.set(cluster, loaded.value.reports);
  }
  return restored;
}

/** The wanted port, or the next free one: it is printed and written down, so nobody has to guess. */
function listenFree(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let next = port;
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' && next < port + 100) server.listen(++next, host);
      else reject(error);
    });
    server.on('listening', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : next);
    });
    server.listen(port, host);
  });
}

function writeEndpoint(stateDir: string, url: string): void {
  const endpoint = { url, tokenFile: join(stateDir, 'admin-token'), pid: process.pid };
  writeWhole(join(stateDir, 'endpoint.json'), JSON.stringify(endpoint));
}
