import assert from 'node:assert/strict';
import { Client, Metadata, type ServiceError } from '@grpc/grpc-js';
import { trustServer } from '@isthmus/api/grpc/server-trust.ts';
import { discoveryService, joiningService } from '@isthmus/api/grpc/services.ts';
import { certificateHandlers } from '@isthmus/cluster-agent/ca/service.ts';
import { certificatePem } from '@isthmus/mesh/pki/issue.ts';
import { AgentError } from '@isthmus/cluster-agent/agent-error.ts';
import { HubError } from '@isthmus/federation/hub-error.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import { TlsRefused } from '@isthmus/mesh/tls/handshake.ts';
import { Refusals } from '@isthmus/ztunnel/proxy/refusals.ts';
import { unary } from '../../federation/link/grpc-status.ts';
import { FakeClock } from '../fakes/clock.ts';
import { countingLog, happened, type WrittenLine } from '../fakes/counting-log.ts';
import { ProxyMesh } from '../fakes/proxy-mesh.ts';
import { XdsWorld } from '../fakes/xds-world.ts';
import { port, shopIn } from './ztunnel/shop.ts';

const many = 1000;
const maxLines = 11;

/** Few lines, which say how many there would have been. */
async function bounded(clock: FakeClock, lines: readonly WrittenLine[], message: string): Promise<void> {
  await clock.advance(1000);
  const written = lines.filter((line) => line.message === message).length;
  assert.ok(written <= maxLines, `${written} lines`);
  assert.equal(happened(lines, message), many);
}

describe('a thousand refusals in a second make few lines, which say how many they were', () => {
  it('of proxies without a proven identity, at the agent', async () => {
    const clock = new FakeClock();
    const { log, lines } = countingLog();
    const world = await XdsWorld.start({ clock, log });
    const trust = trustServer('127.0.0.1', certificatePem(world.authority.root));
    const client = new Client(`127.0.0.1:${world.port}`, trust.credentials, trust.options);
    const { path, requestSerialize, responseDeserialize } = discoveryService.deltaAggregatedResources;
    const call = () =>
      new Promise<number>((resolve) => {
        const metadata = new Metadata();
        metadata.set('authorization', 'Bearer wrong');
        const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
        stream.on('data', () => undefined).on('error', (error: ServiceError) => resolve(error.code));
      });
    for (let i = 0; i < many; i += 50) await Promise.all(Array.from({ length: 50 }, call));
    client.close();
    await bounded(clock, lines, 'proxy refused');
    await world.stop();
  });

  it('of certificates, at the agent', async () => {
    const clock = new FakeClock();
    const { log, lines } = countingLog();
    const refuse = () => Promise.reject(new AgentError('UNAUTHENTICATED', 'no valid token'));
    const handlers = certificateHandlers({
      authenticator: { authenticate: refuse },
      clock,
      log,
    } as never);
    const call = { metadata: { get: () => [] } } as never;
    const answers = Array.from(
      { length: many },
      () => new Promise((resolve) => handlers.createCertificate(call, resolve)),
    );
    await Promise.all(answers);
    await bounded(clock, lines, 'certificate refused');
  });

  it('of calls of the link, at the hub', async () => {
    const clock = new FakeClock();
    const { log, lines } = countingLog();
    const answer = unary(
      joiningService.join,
      () => Promise.reject(new HubError('TOKEN_UNKNOWN', 'no such token')),
      new LimitedLines(clock, log),
    );
    const call = { getPeer: () => '127.0.0.1:4000' } as never;
    await Promise.all(Array.from({ length: many }, () => new Promise((resolve) => answer(call, resolve))));
    await bounded(clock, lines, 'a call of the link was refused');
  });

  it('of connections, at a proxy', async () => {
    const clock = new FakeClock();
    const { log, lines } = countingLog();
    const refusals = new Refusals(new LimitedLines(clock, log, 1));
    for (let i = 0; i < many; i++) refusals.tell('hbone', '127.0.0.1', new TlsRefused('hbone', 'no'));
    await bounded(clock, lines, 'connection refused');
    assert.deepEqual(
      lines.map(({ reason, suppressed }) => [reason, suppressed]),
      [
        ['HANDSHAKE', undefined],
        ['HANDSHAKE', many - 2],
      ],
    );
  });
});

describe('lines of the access log that cannot be written', () => {
  let mesh: ProxyMesh;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
  });
  afterEach(() => mesh.stop());

  it('are counted, and the log says how many are lost', async () => {
    const clock = new FakeClock(Date.now());
    const { log, lines } = countingLog();
    const shop = shopIn(mesh);
    const cart = shop.pod('east', 'cart', '17.2', { ...shop.serving(shop.cart, '18.2'), strict: true });
    const pushed = { services: [shop.cart], workloads: [cart] };
    const proxy = await mesh.proxy({ cluster: 'east' }, pushed, { clock, log, access: () => false });
    const calls = await Promise.all(
      Array.from({ length: 100 }, () => mesh.call(mesh.at('99.1'), mesh.at('17.2'), port)),
    );
    await Promise.all(calls.map((call) => call.end()));
    await clock.advance(1000);
    assert.equal(proxy.report().totals.linesDropped, 100);
    const message = 'a line of the access log was dropped';
    assert.equal(happened(lines, message), 100);
    assert.equal(lines.filter((line) => line.message === message).length, 2);
  });
});
