import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { once } from 'node:events';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { linkIdentity } from '../../cluster-agent/link/identity.ts';
import { TestAgent, until } from '../fakes/agent.ts';
import { FakeApiServer } from '../fakes/api-server/fake-api-server.ts';
import { run } from '../fakes/command-line.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

const services = { group: '', version: 'v1', kind: 'Service', plural: 'services', isNamespaced: true };

describe('a hub whose outside addresses are those of a Service', () => {
  const server = new FakeApiServer([services]);
  let hub: TestHub;
  let flags: readonly string[] = [];
  let dir = '';
  const records = new Map<string, readonly string[]>();
  const put = (...ingress: readonly object[]) =>
    server.put(services, {
      metadata: { namespace: 'isthmus-system', name: 'isthmus-hub-link' },
      spec: {
        type: 'LoadBalancer',
        ports: [
          { name: 'link', port: 15101 },
          { name: 'join', port: 15102 },
        ],
      },
      status: { loadBalancer: { ingress } },
    });
  before(async () => {
    put();
    const resolve = (name: string) => Promise.resolve(records.get(name) ?? []);
    hub = await startTestHub({
      outsideService: { server, namespace: 'isthmus-system', name: 'isthmus-hub-link', resolve },
    });
    dir = mkdtempSync(join(tmpdir(), 'isthmus-outside-'));
    flags = ['--url', hub.url, '--token-file', join(hub.stateDir, 'admin-token')];
  });
  after(async () => {
    await hub.stop();
    rmSync(dir, { recursive: true });
  });
  const token = (...more: string[]) => run(['token', 'east', ...more, ...flags]);
  const address = () => `127.${hub.octet}.0.1`;
  const endpointsOf = (text: string) =>
    (JSON.parse(Buffer.from(text.split('.')[2] ?? '', 'base64url').toString()) as { joinEndpoints: string[] })
      .joinEndpoints;

  it('makes no join token while there is none, says what to do, dry run or not, and isthmus check has it', async () => {
    for (const more of [[], ['--dry-run']]) {
      const { status, out, err } = await token(...more);
      assert.equal(status, 1);
      assert.equal(out, '');
      assert.match(err, /HUB_ADDRESS_UNKNOWN: .*Service isthmus-system\/isthmus-hub-link.*EXTERNAL-IP/);
    }
    const { data } = await hub.ask<{ clusters: { nodes: unknown[] } }>(
      '{ clusters(first: 9) { nodes { name } } }',
    );
    assert.deepEqual(data!.clusters.nodes, [], 'nothing is left of the attempt');
    const check = await run(['check', ...flags]);
    assert.equal(check.status, 10);
    assert.match(check.out, /HUB_ADDRESS_UNKNOWN/);
    const ready = await fetch(`${hub.adminUrl}/readyz`);
    assert.equal(ready.status, 200, 'a hub without an address serves everything else');
  });

  it('is joined by a token that names all of its addresses as soon as it has them', async () => {
    put({ hostname: 'hub.elb.example' }, { ip: address() });
    await until(() => run(['check', ...flags]).then(({ out }) => !out.includes('HUB_ADDRESS_UNKNOWN')));
    const { status, out, err } = await token();
    assert.equal(status, 0, err);
    assert.match(err, /^warning: .*hub\.elb\.example.*cannot resolve itself/m);
    assert.deepEqual(endpointsOf(out), ['hub.elb.example:15102', `${address()}:15102`]);
    put({ ip: address() });
    await until(() => token().then((now) => endpointsOf(now.out).length === 1));
    const file = join(dir, 'token');
    writeFileSync(file, (await token()).out);
    const identity = await linkIdentity({
      cluster: 'east',
      stateDir: dir,
      tokenFile: file,
      localAddress: '127.243.16.1',
      clock: systemClock,
      random: systemRandom,
    });
    assert.deepEqual(identity.endpoints, [`${address()}:15101`]);
  });

  it('shows a certificate that names them on both listeners without a restart', async () => {
    put({ ip: address() }, { hostname: 'new.elb.example' });
    for (const port of [15101, 15102])
      await until(async () => (await namesAt(address(), port)).includes('DNS:new.elb.example'));
  });

  it('tells its members where it is reached as soon as that changes, and nothing while it does not know', async () => {
    put({ ip: address() });
    await until(() => token().then(({ out }) => endpointsOf(out).length === 1));
    const agent = (await new TestAgent('south', '127.243.16.2').join(hub)).connect();
    const known = () => agent.hubStore.view.addresses.get('self')?.linkEndpoints.join();
    await until(() => known() === `${address()}:15101`);
    put({ ip: address() }, { hostname: 'third.elb.example' });
    await until(() => known() === `${address()}:15101,third.elb.example:15101`);
    put();
    await until(() => known() === undefined);
    agent.end();
  });
});

describe('a hub that starts again while the API of its cluster is away', () => {
  it('shows agents a certificate that names the addresses of before', async () => {
    const server = new FakeApiServer([services]);
    const dir = mkdtempSync(join(tmpdir(), 'isthmus-outside-'));
    const outsideService = { server, namespace: 'isthmus-system', name: 'isthmus-hub-link' };
    const start = (octet?: number) =>
      startTestHub({
        stateDir: dir,
        store: 'sqlite',
        outsideService,
        ...(octet !== undefined && { octet }),
      });
    const ports = [
      { name: 'link', port: 15101 },
      { name: 'join', port: 15102 },
    ];
    server.put(services, {
      metadata: { namespace: outsideService.namespace, name: outsideService.name },
      spec: { type: 'LoadBalancer', ports },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } },
    });
    const first = await start();
    const address = `127.${first.octet}.0.1`;
    await until(async () => (await namesAt(address, 15101)).includes('192.0.2.7'));
    await first.stop();
    server.before = () => new ApiFailure('API_UNREACHABLE', 'connection refused');
    const second = await start(first.octet);
    try {
      assert.match(await namesAt(address, 15101), /IP Address:192\.0\.2\.7/);
    } finally {
      await second.stop();
      rmSync(dir, { recursive: true });
    }
  });
});

/** What the certificate of a listener names. */
async function namesAt(host: string, port: number): Promise<string> {
  const socket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  const { subjectaltname = '' } = socket.getPeerCertificate();
  socket.destroy();
  return subjectaltname;
}
