import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { ask, mutate } from '../../sandbox/instance/api.ts';
import { accessLines } from '../../sandbox/observe/access-log.ts';
import { sumSamples } from '../../sandbox/observe/stats.ts';
import { agentProgram } from '../../sandbox/processes/programs.ts';
import { until } from '../../sandbox/processes/wait.ts';
import { podAddress } from '../../sandbox/tour/addresses.ts';
import { up, type Sandbox } from '../../sandbox/up.ts';
import { askName } from './names.ts';
import { Peer } from './peer.ts';
import { getBySocks } from './socks.ts';

const clock = systemClock;
const payload = 'userErrors { code field message }';
const apply = `mutation($input: ApplyPolicyInput!) { result: applyPolicy(input: $input) { ${payload} } }`;
const remove = `mutation($input: DeletePolicyInput!) { result: deletePolicy(input: $input) { ${payload} } }`;

describe('Istio’s own ztunnel in our mesh', () => {
  let stateHome = '';
  let sandbox: Sandbox;
  let peer: Peer;

  before(async () => {
    stateHome = mkdtempSync(join(tmpdir(), 'isthmus-interop-'));
    sandbox = await up({
      clock,
      tap: false,
      progress: () => undefined,
      env: { ...process.env, XDG_STATE_HOME: stateHome },
    });
    peer = new Peer(process.env['ISTHMUS_INTEROP_PEER'] ?? '', sandbox);
    peer.admit();
    await until(clock, 'the pod’s token', () => existsSync(peer.tokenFile) || undefined, { within: 20_000 });
    peer.startApplication();
    peer.startZtunnel(process.env['ZTUNNEL_BIN'] ?? '');
  });
  after(async () => {
    peer.stop();
    await sandbox.stop();
    rmSync(stateHome, { recursive: true, force: true });
  });

  const eventually = <T>(what: string, attempt: () => Promise<T | undefined> | T | undefined): Promise<T> =>
    until(clock, what, attempt, { within: 30_000, every: 200 });
  const cluster = (body: string) => (JSON.parse(body) as { cluster: string }).cluster;

  interface Dump {
    readonly services: readonly { readonly hostname: string; readonly vips: readonly string[] }[];
    readonly certificates: readonly { readonly identity: string; readonly state: string }[];
  }
  const dump = async () => JSON.parse(await peer.get('http://127.0.0.1:15000/config_dump')) as Dump;
  const vip = async (service: string) =>
    eventually(
      `the address of ${service}`,
      async () =>
        (await dump()).services
          .find(({ hostname }) => hostname.startsWith(`${service}.shop.`))
          ?.vips[0]?.split('/')[1],
    );
  const viaSocks = (from: string, pod: string) =>
    getBySocks(podAddress(sandbox, from, pod), 'peer.shop.svc.cluster.local', 9090);

  it('becomes ready: both types were answered', () =>
    eventually('readiness', async () =>
      (await peer.get('http://127.0.0.1:15021/healthz/ready')).startsWith('ready') ? true : undefined,
    ));

  it('calls a service of its own network', async () => {
    const url = `http://${await vip('catalogue')}:8081/`;
    assert.equal(cluster(await eventually('an answer', () => peer.get(url))), 'east');
  });

  // Not with a search domain appended: alone it has those of its machine's resolv.conf, and no others.
  for (const [name, type] of [
    ['catalogue.shop.svc.cluster.local', 'A'],
    ['catalogue', 'A'],
    ['catalogue.shop', 'A'],
    ['catalogue.shop.svc.cluster.local', 'AAAA'],
    ['cart.shop.svc.cluster.local', 'A'],
    ['cart.shop.svc', 'AAAA'],
  ] as const)
    it(`says of ${name} (${type}) what ours says`, async () => {
      const ours = await askName(undefined, podAddress(sandbox, 'east', 'frontend'), name, type);
      assert.deepEqual(await peer.askName(name, type), ours);
    });

  it('has a certificate of our intermediate', async () => {
    const [certificate] = (await dump()).certificates;
    assert.match(certificate?.identity ?? '', /^spiffe:\/\/.*\/ns\/shop\/sa\/peer$/);
  });

  it('calls a service of another network through our gateway, and logs who answered', async () => {
    const url = `http://${await vip('cart')}:8082/`;
    assert.equal(cluster(await eventually('an answer', () => peer.get(url))), 'south');
    const line = accessLines(peer.log()).find(({ 'dst.service': service }) => service?.startsWith('cart.'));
    assert.match(line?.['dst.identity'] ?? '', /\/ns\/shop\/sa\/cart$/);
    assert.equal(line?.['dst.cluster'], 'south');
  });

  it('is called in its own network', async () =>
    assert.equal(cluster(await eventually('an answer', () => viaSocks('east', 'frontend'))), 'peer'));

  it('is called from another network through our gateway, and knows the caller', async () => {
    assert.equal(cluster(await eventually('an answer', () => viaSocks('south', 'orders-ambient'))), 'peer');
    const line = await eventually('its line', () =>
      accessLines(peer.log()).find(({ 'src.cluster': from }) => from === 'south'),
    );
    assert.equal(line['direction'], 'inbound');
    assert.match(line['src.identity'] ?? '', /\/ns\/shop\/sa\/orders$/);
  });

  it('refuses a classic sidecar, which gets the reason', async () => {
    await assert.rejects(viaSocks('west', 'cart'));
    const lines = () => accessLines(sandbox.launcher.get('west-cart-sidecar')?.log() ?? '');
    const refusal = await eventually('the refusal', () =>
      lines().find(({ error = '' }) => error.startsWith('PEER_CANNOT_TERMINATE')),
    );
    assert.equal(refusal['dst.addr'], 'peer.shop.svc.cluster.local:9090');
  });

  it('obeys a policy, and its end', async () => {
    const [trustDomain] = (
      await ask<{ trustDomains: { nodes: { name: string }[] } }>(
        sandbox.endpoint,
        '{ trustDomains(first: 1) { nodes { name } } }',
      )
    ).trustDomains.nodes;
    const principal = `${trustDomain?.name ?? ''}/ns/shop/sa/orders`;
    const access = {
      name: 'no-orders',
      effect: 'DENY',
      target: { namespace: 'shop' },
      rules: [{ principals: [principal], ports: [9090] }],
    };
    await mutate(sandbox.endpoint, apply, { policy: { access } });
    await eventually('the denial', async () => {
      await viaSocks('south', 'orders-ambient').catch(() => undefined);
      return peer.log().includes('policy rejection') ? true : undefined;
    });
    await assert.rejects(viaSocks('south', 'orders-ambient'));
    assert.equal(cluster(await viaSocks('east', 'frontend')), 'peer');
    await mutate(sandbox.endpoint, remove, { name: 'no-orders' });
    assert.equal(cluster(await eventually('an answer', () => viaSocks('south', 'orders-ambient'))), 'peer');
  });

  it('survives the agent’s restart with what it holds', async () => {
    const received = async (what: string) =>
      sumSamples(await peer.get('http://127.0.0.1:15020/metrics'), `istio_xds_${what}_total`);
    const [answers, bytes] = [await received('message'), await received('message_bytes')];
    const agent = sandbox.launcher.get('east-agent');
    agent?.kill('SIGKILL');
    await agent?.exited;
    assert.equal(cluster(await viaSocks('east', 'frontend')), 'peer');
    sandbox.launcher.start(agentProgram(sandbox.place, sandbox.clusters[0]!));
    await eventually('both types to be answered again', async () =>
      (await received('message')) >= answers + 2 ? true : undefined,
    );
    assert.equal(await received('message_bytes'), bytes, 'resources came again');
    assert.equal(cluster(await viaSocks('south', 'orders-ambient')), 'peer');
  });
});
