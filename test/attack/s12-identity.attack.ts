import assert from 'node:assert/strict';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { generateKey, privateKeyPem } from '@isthmus/mesh/pki/key.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { isRefused, tryListener } from '@isthmus/sandbox/tour/attackers/attempt.ts';
import type { Listener } from '@isthmus/sandbox/tour/listeners/listener.ts';
import { claimed, fortyLeaves, type Leaf } from '../fakes/forty-leaves.ts';
import { handMadeCertificate } from '../fakes/hand-made.ts';
import { ProxyMesh } from '../fakes/proxy-mesh.ts';
import { port, shopIn, twoNetworks } from '../feature/ztunnel/shop.ts';
import { equal } from './bound.ts';
import { startImpostor } from './impostor.ts';

/** S12: leaves that a member's own intermediate has signed, and that say who they are in a way that nobody may. */
describe('S12: forty leaves, of which three are valid, at real handshakes', () => {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  /** The leaf with its key and the intermediate that signed it. */
  function credentialsOf({ made }: Leaf, cluster: string): Credentials {
    const key = generateKey();
    const issuer = mesh.issuer(cluster);
    const leaf = handMadeCertificate(issuer, made, key.publicKey);
    const chain = certificatePem(leaf) + certificatePem(issuer.certificate);
    return { identity: claimed, key: privateKeyPem(key.privateKey), chain };
  }

  /** Shows every leaf at a listener, one after another: those that got an answer, and those that were not closed. */
  async function showAll(listener: Listener): Promise<void> {
    const leaves = fortyLeaves('client', Date.now());
    const accepted: string[] = [];
    for (const leaf of leaves) {
      const attempt = await tryListener(listener, credentialsOf(leaf, 'east'));
      if (attempt.ended === 'answered') accepted.push(leaf.name);
      else assert.ok(isRefused(attempt), `${leaf.name}: ${attempt.ended}`);
    }
    report('accepted', leaves, accepted);
  }

  function report(what: string, leaves: readonly Leaf[], accepted: readonly string[]): void {
    equal(`${what} of ${leaves.length}`, accepted.length, 3);
    assert.deepEqual(
      accepted,
      leaves.filter(({ wanted }) => wanted === 'ACCEPTED').map(({ name }) => name),
    );
  }

  it('HBONE of a ztunnel accepts three', async () => {
    await twoNetworks(mesh);
    const listener = { host: mesh.at('33.1'), port: 15_008, localAddress: mesh.at('17.1'), alpn: 'h2' };
    await showAll(listener);
  });

  it('Istio mTLS at a declared port accepts three', async () => {
    await twoNetworks(mesh, { server: 'sidecar' });
    // The application speaks first: what is heard says that its proxy let the caller in.
    await mesh.serve(mesh.at('34.1'), port, (socket) => void socket.end('hello'));
    await showAll({ host: mesh.at('33.1'), port, localAddress: mesh.at('17.1'), alpn: 'istio' });
  });

  it('an east-west gateway accepts three', async () => {
    await twoNetworks(mesh);
    await showAll({ host: mesh.at('33.250'), port: 15_008, localAddress: mesh.at('17.1'), alpn: 'h2' });
  });

  it('a ztunnel that dials accepts three, and says why it refuses the others', async () => {
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', { ...shop.serving(shop.cart, '18.2'), node: 'node-2' });
    const source = await mesh.proxy(
      { cluster: 'east' },
      { services: [shop.cart], workloads: [shop.pod('east', 'front', '17.1'), cart] },
    );
    const leaves = fortyLeaves('server', Date.now());
    const accepted: string[] = [];
    for (const leaf of leaves) {
      const impostor = await startImpostor(mesh.at('17.2'), 15_008, credentialsOf(leaf, 'east'));
      const call = await mesh.call(mesh.at('17.1'), mesh.at('20.1'), port);
      const outcome = await impostor.outcome;
      await call.end();
      await impostor.close();
      if (outcome === 'spoken to') accepted.push(leaf.name);
      const { error = '' } = await source.line({ direction: 'outbound', 'src.addr': callerOf(call.socket) });
      if (leaf.wanted !== 'ACCEPTED')
        assert.match(error, new RegExp(`hbone tls: ${leaf.wanted}: `), leaf.name);
    }
    report('accepted by the dialler', leaves, accepted);
  });
});

const callerOf = ({ localAddress, localPort }: { localAddress?: string; localPort?: number }): string =>
  `${localAddress}:${localPort}`;
