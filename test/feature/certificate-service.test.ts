import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, status } from '@grpc/grpc-js';
import { callUnary } from '@isthmus/api/grpc/call.ts';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustMutually, trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { certificateService } from '@isthmus/api/grpc/services.ts';
import { AgentError } from '@isthmus/cluster-agent/agent-error.ts';
import { WorkloadIssuer } from '@isthmus/cluster-agent/ca/issuer.ts';
import { certificateHandlers } from '@isthmus/cluster-agent/ca/service.ts';
import type { Caller } from '@isthmus/cluster-agent/ca/authenticator.ts';
import { ProjectedTokens } from '@isthmus/cluster-agent/source/files/tokens.ts';
import { XdsServer } from '@isthmus/cluster-agent/xds/server.ts';
import { judgePeer } from '@isthmus/mesh/identity/judge.ts';
import { createCsr, readCsr } from '@isthmus/mesh/pki/csr.ts';
import {
  certificatePem,
  issueIntermediate,
  issueLeaf,
  issueRoot,
  issueTlsServer,
  keyIdOf,
} from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { TrustDomain } from '@isthmus/mesh/identity/spiffe-id.ts';
import { X509Certificate } from 'node:crypto';
import { aSealing } from '../fakes/authority.ts';

const now = Date.now();
const trustDomain = 'cluster.local' as TrustDomain;
const ztunnelId = 'spiffe://cluster.local/ns/istio-system/sa/ztunnel';
const cartId = 'spiffe://cluster.local/ns/shop/sa/cart';
const ztunnel = (node: string): Caller => ({
  namespace: 'istio-system',
  serviceAccount: 'ztunnel',
  node,
  pod: { name: `ztunnel-${node}`, uid: `z-${node}` },
});

const rootKey = generateKey();
const root = issueRoot('cluster.local root', rootKey, { now }, systemRandom);
const rootIssuer = { certificate: root, privateKey: rootKey.privateKey };
const serverKey = generateKey();
const serverCertificate = issueTlsServer(
  ['127.0.0.1'],
  serverKey.publicKey,
  rootIssuer,
  { now },
  systemRandom,
);

describe('the certificate service, through its own listener', () => {
  let folder: string;
  let server: XdsServer;
  let tokens: ProjectedTokens;
  let issuer: WorkloadIssuer;
  let synced: boolean;
  let keyId: string;
  let target: string;
  const clients: Client[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-ca-'));
    synced = true;
    tokens = new ProjectedTokens(join(folder, 'token'), aSealing, systemClock);
    const provider = { sealingKey: () => Buffer.alloc(32, 7) };
    issuer = new WorkloadIssuer({
      path: join(folder, 'ca.json'),
      provider,
      clock: systemClock,
      random: systemRandom,
    });
    const pods = {
      get synced() {
        return synced;
      },
      pod: (_namespace: string, name: string) => {
        const node = name.slice('ztunnel-'.length);
        return name.startsWith('ztunnel-')
          ? { uid: `z-${node}`, node, serviceAccount: 'ztunnel' }
          : undefined;
      },
      isNodeProxyAccount: (namespace: string, account: string) =>
        `${namespace}/${account}` === 'istio-system/ztunnel',
      runsOn: (node: string, namespace: string, account: string) =>
        node === 'n1' && namespace === 'shop' && account === 'cart',
    };
    const chain = certificatePem(serverCertificate);
    server = new XdsServer({
      certificates: new Certificates({ key: privateKeyPem(serverKey.privateKey), chain }),
      authenticate: (metadata) => {
        const header = metadata.get('authorization')[0]?.toString();
        if (header === 'Bearer unanswered') throw new AgentError('NOT_REVIEWED', 'the API server is away');
        return tokens.authenticate(header);
      },
      refusalOf: () => undefined,
      clock: systemClock,
      log: silentLog,
    });
    const deps = { authenticator: tokens, issuer, pods, trustDomain, clock: systemClock, log: silentLog };
    server.addService(certificateService, certificateHandlers(deps));
    target = `127.0.0.1:${await server.listen('127.0.0.1', 0)}`;
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  async function activate(): Promise<void> {
    await issuer.prepare((csr) => {
      const request = readCsr(csr);
      assert.ok(request.ok);
      const { publicKey } = request.value;
      keyId = keyIdOf(publicKey).toString('hex');
      const one = issueIntermediate(`east ${keyId}`, publicKey, rootIssuer, { now }, systemRandom);
      return Promise.resolve({ chain: [one, root].map(certificatePem), keyId });
    });
    issuer.activate(new Set([keyId]));
  }

  /** The chain, or the name of the status with its sentence. */
  async function ask(
    token: string | undefined,
    wanted = '',
    own?: { key: string; chain: string },
    csr = createCsr(generateKey(), wanted || ztunnelId),
  ): Promise<readonly string[] | string> {
    const pem = certificatePem(root);
    const trust = own
      ? trustMutually('127.0.0.1', new Certificates(own, pem))
      : trustServer('127.0.0.1', pem);
    const client = new Client(target, trust.credentials, { ...channelOptions(4), ...trust.options });
    clients.push(client);
    const request = {
      csr,
      validitySeconds: 86_400,
      impersonatedIdentity: wanted,
    };
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    try {
      return await callUnary(client, certificateService.createCertificate, request, { headers });
    } catch (error) {
      const { code, details } = error as { code: number; details: string };
      assert.ok(details.length > 10);
      return status[code] ?? String(code);
    }
  }

  it('gives a node’s proxy the chain of a pod on its node, which a verifier accepts', async () => {
    await activate();
    const chain = await ask(await tokens.issue(ztunnel('n1'), 600), cartId);
    assert.ok(Array.isArray(chain), String(chain));
    const [leaf, intermediate] = (chain as string[]).map((pem) => new X509Certificate(pem));
    const table = new IssuerTable();
    table.upsertBundle({ trustDomain, roots: [root], sequence: 1 });
    table.upsertIntermediate({
      keyId,
      trustDomain,
      cluster: 'east',
      certificate: intermediate!,
      revoked: false,
    });
    const judged = judgePeer(leaf?.raw, table, { now: Date.now(), role: 'server' });
    assert.ok(judged.ok);
    assert.deepEqual([judged.value.spiffeId, judged.value.cluster], [cartId, 'east']);
  });

  it('refuses another node’s token, an identity that is not there, and no or a bad token', async () => {
    await activate();
    const [first, second] = [await tokens.issue(ztunnel('n1'), 600), await tokens.issue(ztunnel('n2'), 600)];
    assert.equal(await ask(second, cartId), 'PERMISSION_DENIED');
    assert.equal(await ask(first, 'spiffe://cluster.local/ns/shop/sa/orders'), 'PERMISSION_DENIED');
    assert.equal(await ask(undefined, cartId), 'UNAUTHENTICATED');
    assert.equal(await ask('nonsense', cartId), 'UNAUTHENTICATED');
  });

  it('answers UNAVAILABLE to a token that nobody can review at present: it may be good', async () => {
    assert.equal(await ask('unanswered', cartId), 'UNAVAILABLE');
  });

  it('reads nothing of a call whose token is bad: the answer does not wait for the request', async () => {
    const session = connect(`https://${target}`, { ca: certificatePem(root) });
    const path = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
    const call = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: 'Bearer nonsense',
    });
    const [headers] = (await once(call, 'response')) as [Record<string, string>];
    assert.equal(Number(headers['grpc-status']), status.UNAUTHENTICATED);
    session.destroy();
  });

  it('a self-signed certificate with a ztunnel’s SPIFFE ID is refused', async () => {
    await activate();
    const [ownRoot, key] = [generateKey(), generateKey()];
    const forged = {
      certificate: issueRoot('cluster.local root', ownRoot, { now }, systemRandom),
      privateKey: ownRoot.privateKey,
    };
    const leaf = issueLeaf(ztunnelId, key.publicKey, forged, { now }, systemRandom);
    const own = { key: privateKeyPem(key.privateKey), chain: certificatePem(leaf) };
    assert.equal(await ask(undefined, cartId, own), 'UNAUTHENTICATED');
  });

  it('answers INVALID_ARGUMENT to a request without a CSR, and to one that is none', async () => {
    await activate();
    const token = await tokens.issue(ztunnel('n1'), 600);
    for (const csr of ['', 'x', createCsr(generateKey()).slice(0, 200), '-'.repeat(16 * 1024 + 1)])
      assert.equal(await ask(token, cartId, undefined, csr), 'INVALID_ARGUMENT');
    assert.ok(Array.isArray(await ask(token, cartId)));
  });

  it('answers UNAVAILABLE until the intermediate is active, and until the cluster is listed', async () => {
    const token = await tokens.issue(ztunnel('n1'), 600);
    assert.equal(await ask(token, cartId), 'UNAVAILABLE');
    await activate();
    synced = false;
    assert.equal(await ask(token, cartId), 'UNAVAILABLE');
    synced = true;
    assert.ok(Array.isArray(await ask(token, cartId)));
  });
});
