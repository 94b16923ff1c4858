import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { helloMessage, inRecords } from '../fakes/hello.ts';
import { ProxyMesh } from '../fakes/proxy-mesh.ts';
import { hostname, identityOf, port, shopIn, twoNetworks } from '../feature/ztunnel/shop.ts';
import { equal } from './bound.ts';

/** What a connection is brought back with. */
interface Shown {
  readonly credentials?: Credentials;
  readonly session?: Buffer;
}

/** S7: sessions across identities (CVE-2026-48934, CVE-2026-58040), and server names in other forms (NUL, case). */
describe('S7: TLS sessions and server names', () => {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  /** One connection to an acceptor that speaks first once it has let a peer in. */
  async function open(
    host: string,
    number: number,
    alpn: string,
    { credentials, session }: Shown,
    version: string,
  ) {
    const raw = connectTcp({ host, port: number, localAddress: mesh.at('17.1') });
    const socket: TLSSocket = connect({
      socket: raw,
      rejectUnauthorized: false,
      ALPNProtocols: [alpn],
      maxVersion: version as 'TLSv1.3',
      ...(credentials && { key: credentials.key, cert: credentials.chain }),
      ...(session && { session }),
    });
    const tickets: Buffer[] = [];
    socket.on('error', () => undefined).on('session', (one: Buffer) => tickets.push(one));
    if (alpn === 'h2') socket.once('secureConnect', () => socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
    const answered = new Promise<boolean>((resolve) => {
      socket.once('data', () => resolve(true)).once('close', () => resolve(false));
    });
    const letIn = await answered;
    const reused = socket.isSessionReused();
    const kept = tickets.at(-1) ?? socket.getSession();
    socket.destroy();
    return { letIn, reused, kept };
  }

  for (const [version, alpn] of [
    ['TLSv1.3', 'h2'],
    ['TLSv1.2', 'istio'],
    ['TLSv1.3', 'istio'],
  ] as const)
    it(`a session of one identity is worth nothing to another, nor anywhere else (${version}, ${alpn})`, async () => {
      const shop = shopIn(mesh);
      const carts = ['17.2', '17.3'].map((at, i) =>
        shop.pod('east', `cart-${i}`, at, {
          ...shop.serving(shop.cart, `18.${i + 2}`),
          classicClients: true,
        }),
      );
      await mesh.proxy({ cluster: 'east' }, { services: [shop.cart], workloads: carts });
      for (const at of ['18.2', '18.3'])
        await mesh.serve(mesh.at(at), port, (socket) => void socket.end('hello'));
      const number = alpn === 'h2' ? 15_008 : port;
      const credentials = mesh.leaf('east', identityOf('front'));
      const first = await open(mesh.at('17.2'), number, alpn, { credentials }, version);
      assert.deepEqual([first.letIn, first.reused], [true, false]);
      const session = first.kept;
      assert.ok(session && session.length > 0);
      const tries: readonly (readonly [at: string, shown: Shown, letIn: boolean])[] = [
        ['17.2', { session, credentials }, true],
        ['17.2', { session, credentials: mesh.leaf('east', identityOf('other')) }, true],
        ['17.2', { session }, false],
        ['17.3', { session, credentials }, true],
        ['17.3', { session }, false],
      ];
      let reusedTimes = 0;
      for (const [at, shown, letIn] of tries) {
        const seen = await open(mesh.at(at), number, alpn, shown, version);
        reusedTimes += Number(seen.reused);
        assert.equal(seen.letIn, letIn, `${at} ${shown.credentials?.identity ?? 'without a certificate'}`);
      }
      equal(`sessions reused of ${tries.length}`, reusedTimes, 0);
    });

  it('a gateway judges a server name the same in any case, and none with a NUL', async () => {
    const { gateway } = await twoNetworks(mesh, { client: 'sidecar', classicClients: true });
    const sni = `outbound_.${port}_._.${hostname}`;
    const mixed = sni.replace(/[a-z]/g, (letter, at: number) =>
      at % 2 === 0 ? letter.toUpperCase() : letter,
    );
    const table: readonly (readonly [string, boolean])[] = [
      [sni, true],
      [sni.toUpperCase(), true],
      [mixed, true],
      [`${sni}\0`, false],
      [`${sni}\0.evil.example`, false],
      [`\0${sni}`, false],
      [sni.replace('cart', 'ca\0rt'), false],
      [`evil.example\0${sni}`, false],
    ];
    let wrong = 0;
    for (const [name, forwarded] of table) {
      const call = await mesh.call(mesh.at('99.1'), mesh.at('33.250'), 15_443);
      const before = gateway.report().totals.gatewayDials;
      call.socket.write(inRecords(helloMessage({ sni: name, alpn: ['istio'] })));
      if (forwarded) await once(call.socket, 'data');
      else await call.end();
      const dialled = gateway.report().totals.gatewayDials - before;
      wrong += Number(dialled > 0 !== forwarded);
      call.socket.destroy();
    }
    equal(`server names judged otherwise of ${table.length}`, wrong, 0);
  });
});
