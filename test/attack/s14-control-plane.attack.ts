import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Client, status } from '@grpc/grpc-js';
import { boundTarget } from '@isthmus/api/grpc/bound-target.ts';
import { callUnary } from '@isthmus/api/grpc/call.ts';
import { Certificates } from '@isthmus/api/grpc/certificates.ts';
import { channelOptions } from '@isthmus/api/grpc/options.ts';
import { trustMutually, trustServer, type ServerTrust } from '@isthmus/api/grpc/server-trust.ts';
import { certificateService } from '@isthmus/api/grpc/services.ts';
import { createCsr } from '@isthmus/mesh/pki/csr.ts';
import { certificatePem, issueLeaf, issueTlsServer, type Issuer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { forge } from '@isthmus/sandbox/tour/attackers/forger.ts';
import { isRefused, tryListener } from '@isthmus/sandbox/tour/attackers/attempt.ts';
import type { Listener } from '@isthmus/sandbox/tour/listeners/listener.ts';
import { TestAgent, until } from '../fakes/agent.ts';
import { makeAuthority } from '../fakes/authority.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { OneNodeCluster } from '../fakes/one-node-cluster.ts';
import { equal } from './bound.ts';
import { startImpostor } from './impostor.ts';

const foreign = 'spiffe://td-b/ns/shop/sa/cart';
const tdB = makeAuthority('td-b', 'north');

/** S14 at the control plane: the hub and the agent accept no certificate that an intermediate of the mesh has signed. */
describe('S14: forged leaves at the hub’s link and at an agent’s listener', () => {
  let hub: TestHub;
  let cluster: OneNodeCluster;
  let east: TestAgent;
  /** East's own intermediate, as the hub has signed it, and the root behind it. */
  let issuer: Issuer;
  let root: X509Certificate;

  before(async () => {
    hub = await startTestHub();
    // First, as an intermediate signs nothing until every other cluster's proxies know it, and east has none.
    cluster = new OneNodeCluster('west', hub);
    await cluster.newToken();
    await cluster.startAgent();
    await cluster.startProxy();
    await until(() => cluster.call());
    east = await new TestAgent('east', `127.${hub.octet}.200.1`).join(hub);
    east.connect();
    await until(() => east.link?.connected);
    const key = generateKey();
    const { chain } = await east.link!.signIntermediate(createCsr(key));
    const [intermediate, top] = chain.map((pem) => new X509Certificate(pem));
    issuer = { certificate: intermediate!, privateKey: key.privateKey };
    root = top!;
  });
  after(async () => {
    east.end();
    await cluster.stop();
    await hub.stop();
  });

  it('the hub’s link takes the agent, and none that a member’s intermediate has signed', async () => {
    const listener: Listener = {
      host: `127.${hub.octet}.0.1`,
      port: 15_101,
      alpn: 'h2',
      localAddress: `127.${hub.octet}.200.2`,
    };
    const linkCa = new X509Certificate(east.identity.ca);
    const own = new X509Certificate(east.identity.chain);
    const name = 'spiffe://link.test/cluster/east';
    assert.equal(own.subjectAltName, `URI:${name}`);
    const membership = /^CN=(.+)$/m.exec(own.subject)?.[1] ?? '';
    /** The true name and membership, under another's signature. */
    const likeAgent = (behind: readonly X509Certificate[]): Credentials => {
      const key = generateKey();
      const said = { now: Date.now(), subject: membership };
      const leaf = issueLeaf(name, key.publicKey, issuer, said, systemRandom);
      const chain = [leaf, ...behind].map(certificatePem).join('');
      return { identity: name, key: privateKeyPem(key.privateKey), chain };
    };
    const shown = {
      alone: likeAgent([]),
      'with its intermediate': likeAgent([issuer.certificate]),
      'with its intermediate and root': likeAgent([issuer.certificate, root]),
      'with its intermediate and the CA of the link': likeAgent([issuer.certificate, linkCa]),
      'a name of td-b': forge(foreign, issuer, [issuer.certificate, tdB.root], Date.now()),
      'a name of td-b by td-b': tdB.leaf(foreign),
    };
    let accepted = 0;
    for (const [what, credentials] of Object.entries(shown)) {
      const attempt = await tryListener(listener, credentials);
      accepted += Number(!isRefused(attempt));
      assert.ok(isRefused(attempt), `${what}: ${attempt.ended}`);
    }
    equal(`accepted at the link of ${Object.keys(shown).length} forgeries`, accepted, 0);
    assert.equal(
      (await tryListener(listener, { key: east.identity.key, chain: east.identity.chain })).ended,
      'answered',
    );
  });

  describe('an agent’s listener', () => {
    const host = () => `127.${hub.octet}.16.1`;
    const roots = () => readFileSync(cluster.path('xds-root.pem'), 'utf8');
    /** Asks for a certificate: CHAIN, or the gRPC status. */
    async function ask(trust: ServerTrust, port: number, wanted: string, token?: string): Promise<string> {
      const target = boundTarget(`${host()}:${port}`, `127.${hub.octet}.16.10`);
      const client = new Client(target, trust.credentials, { ...channelOptions(4), ...trust.options });
      const csr = createCsr(generateKey(), wanted);
      const request = { csr, validitySeconds: 600, impersonatedIdentity: wanted };
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      try {
        const deadline = new Date(Date.now() + 5000);
        await callUnary(client, certificateService.createCertificate, request, { headers, deadline });
        return 'CHAIN';
      } catch (error) {
        return status[(error as { code: number }).code] ?? String(error);
      } finally {
        client.close();
      }
    }

    it('gives nothing for forged leaves, and no names of td-b to its own proxies', async () => {
      const local = 'spiffe://cluster.local/ns/shop/sa/cart';
      const token = readFileSync(cluster.path('pods/istio-system/ztunnel/token'), 'utf8').trim();
      const server = trustServer(host(), roots());
      assert.equal(await ask(server, 15_012, local, token), 'CHAIN');
      let given = 0;
      const forged = [
        forge(foreign, issuer, [issuer.certificate, tdB.root], Date.now()),
        forge(local, tdB.intermediate, [tdB.intermediate.certificate, root], Date.now()),
        forge(local, issuer, [issuer.certificate], Date.now()),
      ];
      for (const { key, chain } of forged) {
        const mutual = trustMutually(host(), new Certificates({ key, chain }, roots()));
        for (const wanted of [local, foreign]) {
          const answer = await ask(mutual, 15_012, wanted);
          given += Number(answer === 'CHAIN');
          assert.equal(answer, 'UNAUTHENTICATED');
        }
      }
      equal(`certificates given for ${forged.length * 2} requests with forged leaves`, given, 0);
      const asked = await ask(server, 15_012, foreign, token);
      equal('names of td-b given to a proxy of td-a', Number(asked === 'CHAIN'), 0);
      assert.equal(asked, 'PERMISSION_DENIED');
    });

    it('is taken for an agent’s by its proxies only under the root that they pin', async () => {
      const key = generateKey();
      const leaf = issueTlsServer([host()], key.publicKey, issuer, { now: Date.now() }, systemRandom);
      const serving = { identity: '', key: privateKeyPem(key.privateKey) };
      const shown: readonly Credentials[] = [
        { ...serving, chain: certificatePem(leaf) + certificatePem(issuer.certificate) },
        { ...serving, chain: [leaf, issuer.certificate, root].map(certificatePem).join('') },
        { ...serving, chain: certificatePem(leaf) + certificatePem(issuer.certificate) + roots() },
        forge(foreign, issuer, [issuer.certificate, tdB.root], Date.now()),
      ];
      let believed = 0;
      for (const credentials of shown) {
        const impostor = await startImpostor(host(), 15_013, credentials);
        const asked = ask(trustServer(host(), roots()), 15_013, foreign, 'a token that must not leak');
        believed += Number((await impostor.outcome) === 'spoken to');
        assert.equal(await asked, 'UNAVAILABLE');
        await impostor.close();
      }
      equal(`believed of ${shown.length} impostors of an agent`, believed, 0);
    });
  });
});
