import type { ExportMode } from '@isthmus/api/domain/export-approval.ts';
import type { ClusterLimits } from '@isthmus/api/domain/limits.ts';
import { join } from 'node:path';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import {
  fileKeyProvider,
  requireSealingKey,
  seal,
  unseal,
  type KeyProvider,
} from '@isthmus/mesh/pki/seal.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import { healthServer } from '@isthmus/mesh/http/health-pages.ts';
import { lockFolder } from '@isthmus/mesh/process/folder-lock.ts';
import { networkFileSystem } from '@isthmus/mesh/process/network-file-system.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { CommandRunner } from './command/run.ts';
import { Closing } from './closing.ts';
import { ApiCertificate } from './graphql/api-certificate.ts';
import { apiServer } from './graphql/server.ts';
import { commitKeys, dropKeyFiles, dropToken, keyFiles, sealedIn, writeToken } from './key-files.ts';
import { hubPorts } from './link/hub-ports.ts';
import { bindLink } from './link/listeners.ts';
import { apiUrl, closeServer, listenFree, requireTls, type ApiListening } from './listening.ts';
import { intentOf } from './state/intent.ts';
import type { Finding } from './insights/finding.ts';
import { ofHub, ofOutside, ofStateFolder, ofTokenSecret } from './insights/hub.ts';
import { hubState } from './hub-state.ts';
import { startOutside, type OutsideService } from './outside/start-outside.ts';
import { memoryStore } from './store/memory.ts';
import { sqliteStore } from './store/sqlite.ts';
import type { Epoch, Leadership, LeadershipEnd, Store } from './store/store.ts';
import { countedStore } from './telemetry/counted-store.ts';
import { HubStatus } from './telemetry/status.ts';
import { AdminToken } from './trust/admin-token.ts';
import { AdminTokenSecret, type TokenSecret } from './trust/admin-token-secret.ts';
import { adminTokenPurpose, hubKeys } from './trust/hub-keys.ts';
import { keptNames } from './trust/kept-names.ts';
import { LinkCa } from './trust/link-ca.ts';
import { ServerCertificate } from './trust/server-certificate.ts';
import { watchState } from './watch-state.ts';

export interface HubOptions extends ApiListening {
  readonly stateDir: string;
  readonly apiPort: number;
  /** Where `/livez`, `/readyz` and `/metrics` are. */
  readonly adminHost: string;
  readonly adminPort: number;
  readonly linkListen: string;
  readonly joinListen: string;
  /** host:port under which agents reach the listeners, of each replica of the hub; none: what is listened on. */
  readonly advertiseLink: readonly string[];
  readonly advertiseJoin: readonly string[];
  /** In Kubernetes: what is before the hub, whose addresses are those that agents reach. */
  readonly outsideService: OutsideService | undefined;
  readonly hubId: string;
  readonly trustDomain: TrustDomain;
  readonly exportByLabel: boolean;
  readonly exports: ExportMode;
  readonly store: 'sqlite' | 'memory';
  /** The admin token is replaced by a new one. */
  readonly newAdminToken: boolean;
  /** After a backup was restored: the highest epoch that agents have seen; 0 otherwise. */
  readonly epochAbove: Epoch;
  /** In Kubernetes: where the admin token is kept, in place of a file. */
  readonly adminTokenSecret: TokenSecret | undefined;
  /** What each cluster may report. */
  readonly limits: ClusterLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Why a hub has stopped: by a signal, or because another hub replaced it. */
export type HubEnd = { readonly kind: 'stopped' } | LeadershipEnd;

export interface RunningHub {
  readonly url: string;
  readonly adminUrl: string;
  /** Resolves when everything is closed and the state folder is free. */
  readonly ended: Promise<HubEnd>;
}

/**
 * The hub: its parts, and how they hear of one another. It takes its epoch last, when nothing can go wrong any more, as
 * that ends the hub before it: after the lock on its state folder, its keys and its ports. Throws CodedError with what
 * to do, and has changed nothing then that matters to another hub.
 */
export async function startHub(options: HubOptions, signal: AbortSignal): Promise<RunningHub> {
  const closing = new Closing();
  try {
    return await start(options, signal, closing);
  } catch (error) {
    await closing.run();
    throw error;
  }
}

async function start(options: HubOptions, signal: AbortSignal, closing: Closing): Promise<RunningHub> {
  const { stateDir, clock, random, log } = options;
  requireTls(options);
  const at = (name: string) => join(stateDir, name);
  const lock = lockFolder(stateDir, 'isthmus-federation');
  closing.add(() => lock.release());
  const counted = countedStore(options.store === 'memory' ? memoryStore() : await sqliteStore(at('hub.db')));
  const { store } = counted;
  closing.add(() => store.close());
  const provider = fileKeyProvider(at('sealing-key'), random);
  const files = keyFiles(stateDir);
  const intent = intentOf(await store.read());
  requireSealingKey(at('sealing-key'), sealedIn(intent, files));
  const keys = hubKeys(intent, files, options, { provider, random, now: clock.now() });
  const ca = LinkCa.open(keys.linkCa, provider, clock, random);
  const token = new AdminToken(unseal(keys.adminToken.sealedToken, adminTokenPurpose, provider));
  const ports = await bind(options, { ca, counted, closing });
  const { outside, server, listeners, api, status, over } = ports;

  const leadership = await store.lead(options.epochAbove);
  const { epoch } = leadership;
  status.leads(leadership);
  await commitKeys(store, keys, { clock, random, epoch });
  const tokenFile = at('admin-token');
  if (options.adminTokenSecret) dropToken(tokenFile);
  else writeToken(tokenFile, token.current, log);
  dropKeyFiles(stateDir);
  const settings = settingsOf(options, ca.hash);
  const state = await hubState(
    { store, settings, epoch, clock, log, limits: options.limits, outside },
    over.signal,
  );
  const { live } = state;
  const runner = new CommandRunner({ store, live, clock, random, secrets: token.known });
  closing.add(() => runner.attempts.flush());
  const onReportsRefused = status.reportsRefused.bind(status);
  const hub = hubPorts({ ...options, ...state, store, runner, ca, provider, onReportsRefused });
  const link = listeners.open(hub, state.restored);
  closing.add(() => link.stop());
  server.follow((identity) => listeners.show(identity), over.signal);
  watchState({ live, store, runner, clock, log }, over.signal);
  const kept =
    options.adminTokenSecret &&
    keptToken(options.adminTokenSecret, token, { options, store, epoch, provider });
  kept?.follow(over.signal);
  const { ask } = link;
  api.open({ live, store, runner, clock, random, log, ask, ofHub: findingsOf(stateDir, ports, kept) }, token);
  const url = apiUrl(options, ports.port);
  const adminUrl = `http://${options.adminHost}:${ports.adminPort}`;
  writeEndpoint(stateDir, { url, adminUrl });
  status.serves(live);
  log.info({ url, adminUrl, epoch, revision: live.current.intent.revision }, 'hub ready');
  return { url, adminUrl, ended: endOf(leadership, signal, closing, log) };
}

interface Founded {
  readonly ca: LinkCa;
  readonly counted: ReturnType<typeof countedStore>;
  readonly closing: Closing;
}

/** Everything that listens, which answers nothing yet but that the hub is starting. */
async function bind(options: HubOptions, { ca, counted, closing }: Founded) {
  const { clock, log } = options;
  const over = new AbortController();
  closing.add(() => over.abort(new Error('the hub ends')));
  const outside = startOutside(options, over.signal);
  const names = keptNames(join(options.stateDir, 'link-names.json'), log);
  const server = new ServerCertificate({ ca, outside, names, clock, log });
  const certificates = { server: server.current, linkCa: ca.certificate, clock, log };

  const listeners = await bindLink(certificates, { link: options.linkListen, join: options.joinListen });
  closing.add(() => listeners.close());
  const certificate =
    options.apiCertificate && new ApiCertificate({ files: options.apiCertificate, clock, log });
  const api = apiServer(log, certificate);
  closing.add(() => closeServer(api.server));
  const port = await listenFree(api.server, options.apiHost, options.apiPort, '--api-listen');
  const status = new HubStatus(counted, clock, () => server.current.chain);
  const admin = healthServer(status, log);
  closing.add(() => closeServer(admin));
  const adminPort = await listenFree(admin, options.adminHost, options.adminPort, '--admin-listen');
  return { outside, server, listeners, api, certificate, port, status, adminPort, over };
}

/** What the hub itself lacks, at each call. */
function findingsOf(
  stateDir: string,
  { status, outside, certificate }: Awaited<ReturnType<typeof bind>>,
  kept: AdminTokenSecret | undefined,
): () => readonly Finding[] {
  const networkFiles = networkFileSystem(stateDir);
  return () => [
    ...ofHub(status.readiness()),
    ...ofOutside(outside.problems()),
    ...(certificate?.findings() ?? []),
    ...ofTokenSecret(kept?.problem),
    ...ofStateFolder(stateDir, networkFiles),
  ];
}

interface TokenStore {
  readonly options: HubOptions;
  readonly store: Store;
  readonly epoch: Epoch;
  readonly provider: KeyProvider;
}

/** The admin token in its Secret; one that the Secret has is in the store before it counts. */
function keptToken(secret: TokenSecret, token: AdminToken, { options, store, epoch, provider }: TokenStore) {
  const { clock, random, log, newAdminToken } = options;
  const keep = async (text: string): Promise<void> => {
    const sealedToken = seal(text, adminTokenPurpose, provider, random);
    const put = { kind: 'adminToken', sealedToken } as const;
    const reason = `the admin token of Secret ${secret.namespace}/${secret.name}`;
    await commitKeys(
      store,
      { writes: [{ put, id: 'admin', expected: undefined }] },
      { clock, random, epoch },
      reason,
    );
  };
  return new AdminTokenSecret({ secret, token, isNew: newAdminToken, store: keep, clock, log });
}

/** Ends the hub on a signal, and when another hub replaces it. */
async function endOf(
  leadership: Leadership,
  signal: AbortSignal,
  closing: Closing,
  log: Log,
): Promise<HubEnd> {
  const stopped = new Promise<HubEnd>((resolve) => {
    if (signal.aborted) resolve({ kind: 'stopped' });
    signal.addEventListener('abort', () => resolve({ kind: 'stopped' }), { once: true });
  });
  const end = await Promise.race([leadership.ended, stopped]);
  if (end.kind === 'fenced')
    log.error(
      { code: 'FENCED', epoch: leadership.epoch, by: end.by },
      `this hub was replaced by another process on the same state folder (epoch ${end.by}): it ends its links and stops; use that one, or stop that one and start this one again`,
    );
  await closing.run();
  return end;
}

const settingsOf = (options: HubOptions, linkCaHash: string) => ({
  hubId: options.hubId,
  trustDomain: options.trustDomain,
  exportByLabel: options.exportByLabel,
  exports: options.exports,
  linkCaHash,
});

function writeEndpoint(stateDir: string, urls: Pick<RunningHub, 'url' | 'adminUrl'>): void {
  const endpoint = { ...urls, tokenFile: join(stateDir, 'admin-token'), pid: process.pid };
  writeWhole(join(stateDir, 'endpoint.json'), JSON.stringify(endpoint));
}
