import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { encodeService, encodeWorkload } from '@isthmus/api/wire/address.ts';
import { encodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import { encodeIntermediate, encodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { certificatePem, issueIntermediate, issueLeaf, issueRoot, keyIdOf } from '@isthmus/mesh/pki/issue.ts';
import type { Issuer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog, type Log } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Authorization } from '@isthmus/mesh/rbac/authorization.ts';
import type { Service } from '@isthmus/mesh/records/service.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { claimBlock, type Claim } from '@isthmus/sandbox/instance/claim.ts';
import { accessLines, type AccessLine } from '@isthmus/sandbox/observe/access-log.ts';
import { Loopback } from '@isthmus/ztunnel/capture/loopback/loopback.ts';
import type { ProxyConfig } from '@isthmus/ztunnel/configuration.ts';
import { Engine, type EngineDeps } from '@isthmus/ztunnel/engine/engine.ts';
import type { FromWorker, WorkerReport } from '@isthmus/ztunnel/messages.ts';
import type { Authority } from './authority.ts';
import { Signal } from './xds-world.ts';

/** What a control plane would tell one proxy. */
export interface Pushed {
  readonly workloads?: readonly Workload[];
  readonly services?: readonly Service[];
  readonly policies?: readonly Authorization[];
}

/** Which certificate a proxy gets that asks for an identity's. */
export type Certify = (identity: string) => Credentials;

const trustDomain = 'cluster.local' as TrustDomain;

/** One trust domain with an intermediate for each cluster, and a block of loopback addresses of its own. */
export class ProxyMesh {
  readonly root: X509Certificate;
  readonly rootIssuer: Issuer;
  readonly #issuers = new Map<string, Issuer>();
  readonly #claim: Claim;
  readonly #proxies: TestProxy[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(claim: Claim) {
    this.#claim = claim;
    const key = generateKey();
    this.root = issueRoot('test root', key, { now: Date.now() }, systemRandom);
    this.rootIssuer = { certificate: this.root, privateKey: key.privateKey };
  }

  static async start(): Promise<ProxyMesh> {
    return new ProxyMesh(await claimBlock({ first: 150, table: () => [] }));
  }

  /** `17.1` is 127.<ours>.17.1. */
  at(rest: string): string {
    return `127.${this.#claim.octet}.${rest}`;
  }

  issuer(cluster: string): Issuer {
    const known = this.#issuers.get(cluster);
    if (known) return known;
    const key = generateKey();
    const certificate = issueIntermediate(
      `${cluster} intermediate`,
      key.publicKey,
      this.rootIssuer,
      { now: Date.now() },
      systemRandom,
    );
    const issuer = { certificate, privateKey: key.privateKey };
    this.#issuers.set(cluster, issuer);
    return issuer;
  }

  leaf(cluster: string, identity: string): Credentials {
    const issuer = this.issuer(cluster);
    const key = generateKey();
    const leaf = issueLeaf(identity, key.publicKey, issuer, { now: Date.now() }, systemRandom);
    const chain = certificatePem(leaf) + certificatePem(issuer.certificate);
    return { identity, key: privateKeyPem(key.privateKey), chain };
  }

  /** The table of a verifier that is not a proxy of ours. */
  table(cluster: string): IssuerTable {
    const table = new IssuerTable();
    const { certificate } = this.issuer(cluster);
    const keyId = keyIdOf(certificate.publicKey).toString('hex');
    table.upsertBundle({ trustDomain, roots: [this.root], sequence: 1 });
    table.upsertIntermediate({ keyId, trustDomain, cluster, certificate, revoked: false });
    return table;
  }

  /** The bundle and the table of intermediates, as deltas. */
  trust(
    clusters: readonly string[],
    revoked: readonly string[] = [],
    namespaces: Readonly<Record<string, readonly string[]>> = {},
  ) {
    const intermediates = clusters.map((cluster) => {
      const { certificate } = this.issuer(cluster);
      const keyId = keyIdOf(certificate.publicKey).toString('hex');
      const one = {
        keyId,
        trustDomain,
        cluster,
        certificate,
        revoked: revoked.includes(cluster),
        namespaces: namespaces[cluster],
      };
      return { name: keyId, body: encodeIntermediate(one) };
    });
    const bundle = encodeTrustBundle({ trustDomain, roots: [this.root], sequence: 1 });
    return { bundles: [{ name: trustDomain, body: bundle }], intermediates };
  }

  /**
   * A proxy's engine in this process, which has got a state and listens. Its certificates are those of its cluster, unless
   * `certify` gives others.
   */
  async proxy(
    config: Partial<ProxyConfig> & Pick<ProxyConfig, 'cluster'>,
    pushed: Pushed,
    deps: Partial<EngineDeps> = {},
    certify: Certify = (identity) => this.leaf(config.cluster, identity),
  ): Promise<TestProxy> {
    const proxy = new TestProxy(this, config, deps, certify);
    this.#proxies.push(proxy);
    proxy.trust();
    proxy.tell(pushed);
    proxy.engine.hear({ kind: 'synced' });
    await proxy.signal.until(() => proxy.said.some(({ kind }) => kind === 'listening'));
    return proxy;
  }

  /** An application. It gets each connection, whose directions end one by one. */
  async serve(address: string, port: number, onConnection: (socket: Socket) => void): Promise<Server> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#keep(socket);
      onConnection(socket);
    });
    this.#servers.push(server);
    server.listen(port, address);
    await once(server, 'listening');
    return server;
  }

  /** A client's connection; it may be refused later. */
  async call(from: string, address: string, port: number): Promise<Call> {
    const socket = connect({ host: address, port, localAddress: from, allowHalfOpen: true });
    this.#keep(socket);
    const call = new Call(socket);
    await once(socket, 'connect');
    return call;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
    this.#claim.release();
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
  }
}

/** One end of a connection, with all that has come. */
export class Call {
  readonly socket: Socket;
  readonly signal = new Signal();
  text = '';
  ended = false;
  closed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    const ring = () => this.signal.ring();
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.text += chunk;
      ring();
    });
    socket.on('end', () => {
      this.ended = true;
      ring();
    });
    socket.on('close', () => {
      this.closed = true;
      this.ended = true;
      ring();
    });
  }

  /** Resolves with all that has come once it includes `part`; rejects when the connection ends before. */
  async until(part: string): Promise<string> {
    await this.signal.until(() => this.text.includes(part) || this.ended);
    if (!this.text.includes(part)) throw new Error(`ended with '${this.text}', wanted '${part}'`);
    return this.text;
  }

  /** Resolves with all that has come when the far side has ended. */
  async end(): Promise<string> {
    await this.signal.until(() => this.ended);
    return this.text;
  }

  /** Says something and waits for the same from an echo. */
  async echo(text: string): Promise<string> {
    this.socket.write(text);
    return this.until(text);
  }
}

export class TestProxy {
  readonly config: ProxyConfig;
  readonly engine: Engine;
  readonly signal = new Signal();
  readonly said: FromWorker[] = [];
  readonly logged: Record<string, unknown>[] = [];
  readonly tapped: Buffer[] = [];
  /** Identities for which no certificate is given. */
  readonly withheld = new Set<string>();
  readonly #mesh: ProxyMesh;
  readonly #certify: Certify;
  #accessLog = '';

  constructor(
    mesh: ProxyMesh,
    config: Partial<ProxyConfig> & Pick<ProxyConfig, 'cluster'>,
    deps: Partial<EngineDeps>,
    certify: Certify,
  ) {
    this.#mesh = mesh;
    this.#certify = certify;
    this.config = { ...plainConfig, network: `network-${config.cluster}`, ...config };
    const warn = (fields: object, message: string) => {
      this.logged.push({ ...fields, message });
      this.signal.ring();
    };
    const log: Log = { ...silentLog, warn, error: warn };
    this.engine = new Engine({
      config: this.config,
      capture: (given) => new Loopback(given),
      clock: systemClock,
      random: systemRandom,
      log,
      say: (message) => this.#hear(message),
      access: (line) => {
        this.#accessLog += line;
        this.signal.ring();
        return true;
      },
      tap: this.config.tap === '' ? undefined : (entry) => this.tapped.push(entry) > 0,
      ...deps,
    });
  }

  get lines(): readonly AccessLine[] {
    return accessLines(this.#accessLog);
  }

  /** The first line that has all of these fields; waits for it. */
  async line(fields: AccessLine): Promise<AccessLine> {
    const find = () =>
      this.lines.find((line) => Object.entries(fields).every(([key, value]) => line[key] === value));
    await this.signal.until(() => find() !== undefined);
    return find() ?? {};
  }

  trust(revoked: readonly string[] = [], namespaces: Readonly<Record<string, readonly string[]>> = {}): void {
    const { bundles, intermediates } = this.#mesh.trust(['east', 'west'], revoked, namespaces);
    this.#delta(typeUrls.trustBundle, bundles);
    this.#delta(typeUrls.intermediate, intermediates);
  }

  /** The bundle and the intermediate of another trust domain; gives what the proxy rejected. */
  teach(
    { trustDomain: domain, root, keyId, intermediate }: Authority,
    cluster: string,
    sequence = 1,
  ): readonly string[] {
    const bundle = { trustDomain: domain, roots: [root], sequence };
    const { certificate } = intermediate;
    const one = { keyId, trustDomain: domain, cluster, certificate, revoked: false };
    this.#delta(typeUrls.trustBundle, [{ name: domain, body: encodeTrustBundle(bundle) }]);
    const last = this.said.findLast(({ kind }) => kind === 'applied');
    this.#delta(typeUrls.intermediate, [{ name: keyId, body: encodeIntermediate(one) }]);
    return last?.kind === 'applied' ? last.rejected.map(({ reason }) => reason) : [];
  }

  /** The intermediate of a cluster is taken out of the table. */
  forgetIssuer(cluster: string): void {
    const { intermediates } = this.#mesh.trust([cluster]);
    this.#delta(
      typeUrls.intermediate,
      [],
      intermediates.map(({ name }) => name),
    );
  }

  tell({ workloads = [], services = [], policies = [] }: Pushed, removed: readonly string[] = []): void {
    this.#delta(
      typeUrls.authorization,
      policies.map((one) => ({ name: one.key, body: encodeAuthorization(one) })),
    );
    const addresses = [
      ...services.map((one) => ({ name: one.key, body: encodeService(one) })),
      ...workloads.map((one) => ({ name: one.uid, body: encodeWorkload(one) })),
    ];
    this.#delta(typeUrls.address, addresses, removed);
  }

  /** Removes policies that no workload names any more. */
  withdraw(policies: readonly string[]): void {
    this.#delta(typeUrls.authorization, [], policies);
  }

  /** The first warning that has all of these fields; waits for it. */
  async warning(fields: Record<string, unknown>): Promise<Record<string, unknown>> {
    const find = () =>
      this.logged.find((one) => Object.entries(fields).every(([key, value]) => one[key] === value));
    await this.signal.until(() => find() !== undefined);
    return find() ?? {};
  }

  report(): WorkerReport {
    this.engine.hear({ kind: 'report' });
    const last = this.said.pop();
    if (last?.kind !== 'report') throw new Error('no report');
    return last;
  }

  async stop(deadlineMillis = 0): Promise<void> {
    this.engine.hear({ kind: 'drain', deadlineMillis });
    await this.signal.until(() => this.said.some(({ kind }) => kind === 'drained'));
  }

  #delta(type: string, resources: { name: string; body: Uint8Array }[], removed: readonly string[] = []) {
    this.engine.hear({ kind: 'delta', type, resources, removed });
  }

  #hear(message: FromWorker): void {
    this.said.push(message);
    if (message.kind === 'want-certificate' && !this.withheld.has(message.identity)) {
      const credentials = { ...this.#certify(message.identity), identity: message.identity };
      setImmediate(() => this.engine.hear({ kind: 'certificate', ...credentials }));
    }
    this.signal.ring();
  }
}

/** A proxy's configuration where nothing of it matters to the test. */
export const plainConfig: Omit<ProxyConfig, 'cluster' | 'network'> = {
  mode: 'shared',
  capture: 'loopback',
  zdsPath: '',
  xdsAddress: '',
  caAddress: '',
  xdsRootCa: '',
  caRootCa: '',
  tokenFile: '',
  node: 'node-1',
  podName: 'ztunnel',
  namespace: 'istio-system',
  serviceAccount: 'ztunnel',
  address: '127.0.0.1',
  trustDomain,
  adminAddress: '',
  metricsAddress: '',
  accessLog: '-',
  tap: '',
  workers: 1,
  drainMillis: 0,
  resolvers: { nameservers: [], search: [] },
  preferredNamespace: '',
};
