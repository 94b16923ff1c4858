import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { helloMessage, inRecords } from '../../fakes/hello.ts';
import { ProxyMesh } from '../../fakes/proxy-mesh.ts';
import { hostname, port, twoNetworks } from './shop.ts';

const sni = `outbound_.${port}_._.${hostname}`;

describe('ztunnel, 15443 without a credential', () => {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  /** A stranger at the gateway, with an application behind it that notes what reaches it. */
  async function stranger() {
    const world = await twoNetworks(mesh, { client: 'sidecar', classicClients: true });
    const { shop } = world;
    const west = shop.pod('west', 'gw', '33.250', { eastWestGateway: true, node: 'other' });
    for (const proxy of [world.gateway, world.destination]) proxy.tell({ workloads: [west] });
    const reached: Socket[] = [];
    const arrived = Promise.withResolvers<undefined>();
    await mesh.serve(mesh.at('34.1'), port, (socket) => {
      reached.push(socket);
      arrived.resolve(undefined);
    });
    const knock = async (parts: readonly Buffer[]) => {
      const calling = await mesh.call(mesh.at('99.1'), mesh.at('33.250'), 15443);
      for (const part of parts) {
        calling.socket.write(part);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return calling;
    };
    return { ...world, reached, arrived: arrived.promise, knock };
  }

  const cut = (bytes: Buffer, size: number) =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );

  const without = (alpn: readonly string[], size?: number) =>
    helloMessage({ sni, alpn, ...(size === undefined ? {} : { size }) });

  for (const [name, message, code] of [
    ['no ALPN', without([]), 'NOT_ISTIO_MTLS'],
    ['ALPN of HTTP', without(['h2', 'http/1.1']), 'NOT_ISTIO_MTLS'],
    ['no ALPN, padded to 16 KiB', without([], 16_384), 'NOT_ISTIO_MTLS'],
    ['no ALPN, padded to 60 KB', without([], 60_000), 'BAD_REQUEST'],
    ['ALPN istio, padded to 60 KB', without(['istio'], 60_000), 'BAD_REQUEST'],
  ] as const)
    for (const [how, parts] of [
      ['whole', [inRecords(message)]],
      ['in packets of 1000 bytes', cut(inRecords(message), 1000)],
      ['in records of 100 bytes and packets of 4 KiB', cut(inRecords(message, [100]), 4096)],
    ] as const)
      it(`refuses a hello with ${name}, ${how}, and dials nothing`, async () => {
        const { gateway, reached, knock } = await stranger();
        const calling = await knock(parts);
        await calling.end();
        const line = await gateway.line({ direction: 'inbound' });
        assert.match(line['error'] ?? '', new RegExp(`^${code}`));
        assert.equal(gateway.report().totals.gatewayDials, 0);
        assert.equal(reached.length, 0);
      });

  it('a PERMISSIVE destination takes no plaintext from a gateway, and from its own network it does', async () => {
    const { destination, reached, arrived } = await stranger();
    const through = await mesh.call(mesh.at('33.250'), mesh.at('33.1'), port);
    through.socket.write('plaintext');
    assert.equal(await through.end(), '');
    const line = await destination.line({ direction: 'inbound' });
    assert.match(line['error'] ?? '', /^FROM_GATEWAY/);
    assert.equal(reached.length, 0);
    const near = await mesh.call(mesh.at('99.1'), mesh.at('33.1'), port);
    near.socket.write('plaintext');
    await arrived;
    near.socket.destroy();
  });

  it('ends live plaintext when its address turns out to be a gateway’s', async () => {
    const { destination, shop, arrived } = await stranger();
    const near = await mesh.call(mesh.at('99.1'), mesh.at('33.1'), port);
    near.socket.write('plaintext');
    await arrived;
    destination.tell({
      workloads: [shop.pod('west', 'gw-2', '99.1', { eastWestGateway: true, node: 'other' })],
    });
    await near.end();
    const line = await destination.line({ direction: 'inbound' });
    assert.match(line['error'] ?? '', /^late denial: FROM_GATEWAY/);
  });
});
