import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { certificatePem, type Issuer } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import type { Workload } from '@isthmus/mesh/records/workload.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { forge } from '@isthmus/sandbox/tour/attackers/forger.ts';
import { isRefused, tryListener } from '@isthmus/sandbox/tour/attackers/attempt.ts';
import type { Listener } from '@isthmus/sandbox/tour/listeners/listener.ts';
import { makeAuthority, type Authority } from '../fakes/authority.ts';
import { handMadeCertificate, uri } from '../fakes/hand-made.ts';
import { ProxyMesh, type TestProxy } from '../fakes/proxy-mesh.ts';
import { port, shopIn, twoNetworks } from '../feature/ztunnel/shop.ts';
import { equal } from './bound.ts';
import { startImpostor } from './impostor.ts';

/** A workload of td-b; cluster.local is td-a, and every proxy trusts both, each for its own names. */
const cart = 'spiffe://td-b/ns/shop/sa/cart';
const gateway = 'spiffe://td-b/ns/istio-system/sa/eastwest-gateway';

/**
 * S14: members of one trust domain forge names of another, whose roots are trusted as well (SPIFFE Federation 4.2: bundles
 * MUST NOT be merged). Its line "redirect to other host refused" is about the SPIFFE bundle endpoint, which Isthmus does
 * not have yet: bundles come over the link from the hub only, so nothing follows a redirect.
 */
describe('S14: names of td-b that td-a has signed', () => {
  let mesh: ProxyMesh;
  let tdB: Authority;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
    tdB = makeAuthority('td-b', 'north');
  });
  afterEach(() => mesh.stop());

  const signed = (identity: string, issuer: Issuer, behind: readonly X509Certificate[]) =>
    forge(identity, issuer, behind, Date.now());

  /** Signed by td-a's intermediate, and named as if td-b's had: the leaf names its issuer by its name alone. */
  function misnamed(identity: string): Credentials {
    const { intermediate, root } = tdB;
    const key = generateKey();
    const liar = { certificate: intermediate.certificate, privateKey: mesh.issuer('west').privateKey };
    const [notBefore, notAfter] = [Date.now() - 60_000, Date.now() + 3_600_000];
    const leaf = handMadeCertificate(
      liar,
      { alternatives: [[uri(identity)]], notBefore, notAfter },
      key.publicKey,
    );
    const chain = [leaf, intermediate.certificate, root].map(certificatePem).join('');
    return { identity, key: privateKeyPem(key.privateKey), chain };
  }

  const forgeries = (identity: string): Readonly<Record<string, Credentials>> => {
    const [a, b] = [mesh.issuer('west'), tdB.intermediate];
    return {
      'by the root of td-a, alone': signed(identity, mesh.rootIssuer, []),
      'by the root of td-a, with that root': signed(identity, mesh.rootIssuer, [mesh.root]),
      'by the intermediate of td-a': signed(identity, a, [a.certificate]),
      'by the intermediate of td-a, with it and the root of td-b': signed(identity, a, [
        a.certificate,
        tdB.root,
      ]),
      'by the intermediate of td-a, with that and the root of td-b': signed(identity, a, [
        b.certificate,
        tdB.root,
      ]),
      'by the intermediate of td-a, in the name of that of td-b': misnamed(identity),
    };
  };
  const genuine = (identity: string) => signed(identity, tdB.intermediate, [tdB.intermediate.certificate]);

  describe('are refused by every acceptor, which takes the genuine one', () => {
    async function tryAll(listener: Listener): Promise<void> {
      let accepted = 0;
      const shown = forgeries(cart);
      for (const [name, credentials] of Object.entries(shown)) {
        const attempt = await tryListener(listener, credentials);
        accepted += Number(!isRefused(attempt));
        assert.ok(isRefused(attempt), `${name}: ${attempt.ended}`);
      }
      equal(`accepted of ${Object.keys(shown).length} forgeries`, accepted, 0);
      assert.equal((await tryListener(listener, genuine(cart))).ended, 'answered');
    }
    const teachAll = (...proxies: TestProxy[]) => {
      for (const proxy of proxies) assert.deepEqual(proxy.teach(tdB, 'north'), []);
    };
    const from = () => ({ localAddress: mesh.at('17.1') });

    it('HBONE of a ztunnel', async () => {
      const { destination } = await twoNetworks(mesh);
      teachAll(destination);
      await tryAll({ host: mesh.at('33.1'), port: 15_008, alpn: 'h2', ...from() });
    });

    it('Istio mTLS at a declared port', async () => {
      const { destination, shop } = await twoNetworks(mesh, { server: 'sidecar' });
      teachAll(destination);
      destination.tell({ services: [{ ...shop.granted, grantedClusters: ['east', 'north'] }] });
      await mesh.serve(mesh.at('34.1'), port, (socket) => void socket.end('hello'));
      await tryAll({ host: mesh.at('33.1'), port, alpn: 'istio', ...from() });
    });

    it('an east-west gateway', async () => {
      const { gateway: listener } = await twoNetworks(mesh);
      teachAll(listener);
      await tryAll({ host: mesh.at('33.250'), port: 15_008, alpn: 'h2', ...from() });
    });
  });

  describe('are refused by every dialler, which takes the genuine one', () => {
    /** Calls the cart of td-b, where an impostor answers at `at`. */
    async function tryAll(
      source: TestProxy,
      at: { readonly host: string; readonly port: number; readonly alpn: string; readonly layer: string },
      identity: string,
    ): Promise<void> {
      assert.deepEqual(source.teach(tdB, 'north'), []);
      const shown = forgeries(identity);
      let believed = 0;
      const dial = async (credentials: Credentials) => {
        const impostor = await startImpostor(at.host, at.port, credentials, at.alpn);
        const call = await mesh.call(mesh.at('17.1'), mesh.at('20.1'), port);
        const caller = `${call.socket.localAddress}:${call.socket.localPort}`;
        call.socket.write('hello');
        const outcome = await impostor.outcome;
        call.socket.destroy();
        await impostor.close();
        const { error = '' } = await source.line({ direction: 'outbound', 'src.addr': caller });
        return { outcome, error };
      };
      for (const [name, credentials] of Object.entries(shown)) {
        const { outcome, error } = await dial(credentials);
        believed += Number(outcome === 'spoken to');
        assert.match(error, new RegExp(`^${at.layer} tls: (WRONG_TRUST_DOMAIN|UNKNOWN_ISSUER): `), name);
      }
      equal(`believed of ${Object.keys(shown).length} forgeries`, believed, 0);
      assert.equal((await dial(genuine(identity))).outcome, 'spoken to');
    }

    const north: Partial<Workload> = { trustDomain: makeAuthority('td-b').trustDomain, cluster: 'north' };

    it('a ztunnel that dials a pod', async () => {
      const shop = shopIn(mesh);
      const pod = shop.pod('east', 'cart', '17.2', {
        ...shop.serving(shop.cart, '18.2'),
        node: 'node-2',
        ...north,
      });
      const workloads = [shop.pod('east', 'front', '17.1'), pod];
      const source = await mesh.proxy({ cluster: 'east' }, { services: [shop.cart], workloads });
      await tryAll(source, { host: mesh.at('17.2'), port: 15_008, alpn: 'h2', layer: 'hbone' }, cart);
    });

    /** A caller in east, and the cart in td-b's cluster behind a gateway that an impostor stands for. */
    const across = (transport: Workload['transport']) => {
      const shop = shopIn(mesh);
      const workloads = [
        shop.pod('east', 'front', '17.1'),
        { ...shop.gateway, ...north },
        shop.entry(transport, { ...north, subjectAltNames: [cart] }),
      ];
      return mesh.proxy({ cluster: 'east' }, { services: [shop.cart], workloads });
    };

    it('a ztunnel that dials an east-west gateway', async () => {
      const at = { host: mesh.at('33.250'), port: 15_008, alpn: 'h2', layer: 'outer' };
      await tryAll(await across('hbone'), at, gateway);
    });

    it('a ztunnel that dials Istio mTLS through 15443', async () => {
      const at = { host: mesh.at('33.250'), port: 15_443, alpn: 'istio', layer: 'istio-mtls' };
      await tryAll(await across('istio-mtls'), at, cart);
    });
  });

  it('a bundle with a lower sequence is refused, and what its roots vouch for stays refused', async () => {
    const { destination } = await twoNetworks(mesh);
    const listener = { host: mesh.at('33.1'), port: 15_008, localAddress: mesh.at('17.1'), alpn: 'h2' };
    const withdrawn = makeAuthority('td-b', 'north');
    const leafOf = ({ intermediate }: Authority) => signed(cart, intermediate, [intermediate.certificate]);
    assert.deepEqual(destination.teach(withdrawn, 'north', 6), []);
    assert.equal((await tryListener(listener, leafOf(withdrawn))).ended, 'answered');
    assert.deepEqual(destination.teach(tdB, 'north', 7), []);
    for (const [sequence, taken] of [
      [6, 0],
      [7, 1],
      [8, 1],
    ] as const) {
      const rejected = destination.teach(sequence === 6 ? withdrawn : tdB, 'north', sequence);
      equal(`bundles of sequence ${sequence} taken where 7 is held`, Number(rejected.length === 0), taken);
      if (taken === 0) assert.match(rejected.join(), /bundle of td-b has sequence 6, and 7 is held/);
      assert.ok(isRefused(await tryListener(listener, leafOf(withdrawn))));
      assert.equal((await tryListener(listener, leafOf(tdB))).ended, 'answered');
    }
  });
});
