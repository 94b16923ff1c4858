import assert from 'node:assert/strict';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { certificatePem, issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { readCsr } from '@isthmus/mesh/pki/csr.ts';
import { claimBlock, type Claim } from '@isthmus/sandbox/instance/claim.ts';
import { configDump } from '@isthmus/ztunnel/admin/config-dump.ts';
import { serveAdmin } from '@isthmus/ztunnel/admin/server.ts';
import type { ProxyConfig } from '@isthmus/ztunnel/configuration.ts';
import { CertificateManager } from '@isthmus/ztunnel/identity/certificate-manager.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { aWorkload } from '../../fakes/records.ts';
import { sendMany, statusOf } from '../../fakes/request-lines.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';

/** A manager that holds a certificate, and the key that it must show nobody. */
async function holding(): Promise<{ manager: CertificateManager; key: string }> {
  const { intermediate, root } = makeAuthority();
  const clock = new FakeClock(Date.now());
  let key = '';
  const manager = new CertificateManager({
    clock,
    random: systemRandom,
    log: silentLog,
    onFailure: (_, message) => assert.fail(message),
    request(name, csr) {
      const read = readCsr(csr);
      assert.ok(read.ok);
      const leaf = issueLeaf(name, read.value.publicKey, intermediate, { now: clock.now() }, systemRandom);
      return Promise.resolve([leaf, intermediate.certificate, root].map(certificatePem));
    },
    onCertificate: (credentials) => ({ key } = credentials),
  });
  manager.want(identity, false);
  await clock.advance(0);
  return { manager, key };
}

const nothing = { workloads: [], services: [], policies: [], intermediates: [], connections: [] };
const config = { mode: 'shared', tokenFile: '/run/token' } as ProxyConfig;

describe('ztunnel/admin config dump', () => {
  it('shows state once, connections of every worker, and certificates without keys', async () => {
    const { manager, key } = await holding();
    assert.match(key, /PRIVATE KEY/);
    const xds = {
      problem: '',
      held: (type: string) => new Map(type === typeUrls.address ? [['x', 'v1']] : []),
    };
    const sources = { config, xds, ports: new Map([['127.1.0.1:80', 'EACCES']]), certificates: manager };
    const dump = configDump(sources, [
      { ...nothing, workloads: [{ uid: 'x' }], connections: [{ about: 'a' }] },
      { ...nothing, workloads: [{ uid: 'x' }], connections: [{ about: 'b' }] },
    ]) as Record<string, unknown>;
    assert.deepEqual(dump['workloads'], [{ uid: 'x' }]);
    assert.deepEqual(dump['connections'], [{ about: 'a' }, { about: 'b' }]);
    assert.deepEqual(dump['ports'], { '127.1.0.1:80': 'EACCES' });
    assert.deepEqual((dump['held'] as Record<string, unknown>)['address'], { x: 'v1' });
    assert.equal(dump['controlPlane'], 'connected');
    const text = JSON.stringify(dump);
    assert.match(text, new RegExp(`"identity":"${identity}","state":"held"`));
    assert.doesNotMatch(text, /PRIVATE/);
    assert.equal(text.includes(key.split('\n')[1] ?? key), false);
  });

  it('says why the control plane is away', () => {
    const xds = { problem: 'ECONNREFUSED', held: () => new Map<string, string>() };
    const certificates = { list: () => [] };
    const dump = configDump({ config, xds, ports: new Map(), certificates }, []) as { controlPlane: string };
    assert.equal(dump.controlPlane, 'ECONNREFUSED');
  });
});

describe('ztunnel/admin listeners', () => {
  let claim: Claim;
  let listeners: ReturnType<typeof serveAdmin>;
  let pending: string[];
  const logged: string[] = [];
  before(async () => {
    claim = await claimBlock({ first: 150, table: () => [] });
    pending = ['state', 'listeners'];
    listeners = serveAdmin(
      { admin: hostOf(15000), metrics: hostOf(15020) },
      { ...silentLog, error: (_, message) => logged.push(message) },
      {
        pending: () => pending,
        metrics: () => Promise.resolve({ text: 'a 1\n', contentType: 'text/plain; version=0.0.4' }),
        dump: () =>
          pending.includes('broken')
            ? Promise.reject(new Error('a secret of ours'))
            : Promise.resolve({
                workloads: [aWorkload({ uid: 'x', services: new Map([['shop/cart', []]]) })],
              }),
      },
    );
  });
  after(async () => {
    await listeners.close();
    claim.release();
  });

  const hostOf = (port: number) => `127.${claim.octet}.0.${port === 15000 ? 2 : 1}`;

  const get = async (port: number, path: string) => {
    const response = await fetch(`http://${hostOf(port)}:${port}${path}`);
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      text: await response.text(),
    };
  };

  it('readiness names what it waits for, and is then ready', async () => {
    const waiting = await get(15021, '/healthz/ready');
    assert.deepEqual([waiting.status, waiting.text], [500, 'not ready, pending: state, listeners\n']);
    pending = [];
    const ready = await get(15021, '/healthz/ready');
    assert.deepEqual([ready.status, ready.text], [200, 'ready\n']);
  });

  for (const path of ['/metrics', '/stats/prometheus'])
    it(`metrics are at ${path}`, async () => {
      const { status, type, text } = await get(15020, path);
      assert.deepEqual([status, type, text], [200, 'text/plain; version=0.0.4', 'a 1\n']);
    });

  it('the dump is JSON, its maps as objects', async () => {
    const { status, text } = await get(15000, '/config_dump');
    const { workloads } = JSON.parse(text) as { workloads: { services: object }[] };
    assert.deepEqual([status, workloads[0]?.services], [200, { 'shop/cart': [] }]);
  });

  it('the dump is not where scrapers and probes connect, nor metrics where the dump is', async () => {
    for (const [host, port] of [
      [hostOf(15020), 15000],
      [hostOf(15000), 15020],
      [hostOf(15000), 15021],
    ] as const)
      await assert.rejects(fetch(`http://${host}:${port}/config_dump`), (error: Error) => {
        assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED');
        return true;
      });
    for (const path of ['/config_dump', '/metrics/../config_dump', '//config_dump'])
      assert.notEqual(
        await statusOf(hostOf(15020), 15020, Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)),
        200,
      );
  });

  it('a dump that fails says so in the log alone', async () => {
    pending = ['broken'];
    const { status, text } = await get(15000, '/config_dump');
    assert.deepEqual(
      [status, text, logged],
      [500, 'INTERNAL: the request failed; the log says why\n', ['request failed']],
    );
  });

  it('the dump is refused to a page that has rebound its name to this address', async () => {
    const ask = (port: number, path: string) =>
      statusOf(
        hostOf(port),
        port,
        Buffer.from(`GET ${path} HTTP/1.1\r\nHost: rebound.example:${port}\r\n\r\n`),
      );
    assert.equal(await ask(15000, '/config_dump'), 403);
    // Scrapers and probes may use a name.
    assert.equal(await ask(15020, '/metrics'), 200);
  });

  it('each port lives through 10,000 request lines, whatever they are', async function () {
    this.timeout(120_000);
    await Promise.all(
      [15000, 15020, 15021].map(async (port) => {
        const statuses = await sendMany(hostOf(port), port, 10_000);
        assert.ok((statuses.get(400) ?? 0) > 1000, JSON.stringify([...statuses]));
        assert.equal((await get(port, '/nothing')).status, 404);
      }),
    );
  });

  for (const [port, path] of [
    [15000, '/quitquitquit'],
    [15020, '/'],
    [15021, '/'],
  ] as const)
    it(`${port}${path} is not there`, async () => assert.equal((await get(port, path)).status, 404));
});
