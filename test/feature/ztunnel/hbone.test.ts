import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { systemClock, type Clock } from '@isthmus/mesh/process/clock.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { ProxyMesh, type Call, type TestProxy } from '../../fakes/proxy-mesh.ts';
import { anAuthorization, aMatch } from '../../fakes/records.ts';
import { hostname, identityOf, port, shopIn, type Shop } from './shop.ts';

const principal = (account: string) => ({
  kind: 'exact' as const,
  value: `cluster.local/ns/shop/sa/${account}`,
});
const denying = (account: string) =>
  anAuthorization({
    name: 'no-front',
    action: 'DENY',
    rules: [[[aMatch({ principals: [principal(account)] })]]],
  });
const echo = (socket: Socket) => void socket.pipe(socket);

describe('ztunnel, inside one network', () => {
  let mesh: ProxyMesh;
  let shop: Shop;
  beforeEach(async () => {
    mesh = await ProxyMesh.start();
    shop = shopIn(mesh);
  });
  afterEach(() => mesh.stop());

  const front = () => shop.pod('east', 'front', '17.1');
  const cartPod = (over = {}) =>
    shop.pod('east', 'cart', '17.2', { ...shop.serving(shop.cart, '18.2'), ...over });
  const vip = (proxyMesh: ProxyMesh) => proxyMesh.at('20.1');

  async function oneNode(over = {}): Promise<TestProxy> {
    return mesh.proxy({ cluster: 'east' }, { services: [shop.cart], workloads: [front(), cartPod(over)] });
  }

  const callCart = (): Promise<Call> => mesh.call(mesh.at('17.1'), vip(mesh), port);

  it('carries a call to a VIP in mTLS, and both ends know both names', async () => {
    const proxy = await oneNode();
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = await callCart();
    assert.equal(await call.echo('hello'), 'hello');
    call.socket.end();
    await call.end();
    const outbound = await proxy.line({ direction: 'outbound' });
    const inbound = await proxy.line({ direction: 'inbound' });
    const names = { 'src.identity': identityOf('front'), 'dst.identity': identityOf('cart') };
    const bytes = { bytes_sent: '5', bytes_recv: '5' };
    const tunnel = { 'dst.addr': `${mesh.at('17.2')}:15008`, 'dst.hbone_addr': `${mesh.at('17.2')}:${port}` };
    for (const line of [outbound, inbound])
      assert.deepEqual({ ...line, ...names, ...bytes, ...tunnel, 'src.workload': 'front' }, line);
    assert.equal(outbound['dst.service'], hostname);
    assert.match(inbound['src.addr'] ?? '', new RegExp(`^${mesh.at('17.1')}:`));
  });

  it('reaches a server that speaks first, and ends each direction by itself', async () => {
    await oneNode();
    let heard = '';
    await mesh.serve(mesh.at('18.2'), port, (socket) => {
      socket.write('220 ready\n');
      socket.setEncoding('latin1').on('data', (chunk: string) => (heard += chunk));
      socket.on('end', () => socket.end(`heard ${heard}`));
    });
    const call = await callCart();
    await call.until('220 ready\n');
    call.socket.end('quit');
    assert.equal(await call.end(), '220 ready\nheard quit');
  });

  const bound = [
    ['that bind their pod’s address', () => mesh.at('17.1')],
    ['that bind no address: the address that they called tells which pod they are', () => '127.0.0.1'],
  ] as const;
  for (const [who, from] of bound)
    it(`takes a name by SOCKS5, of callers ${who}`, async () => {
      const proxy = await oneNode();
      await mesh.serve(mesh.at('18.2'), port, echo);
      const call = await mesh.call(from(), mesh.at('17.1'), 15080);
      call.socket.write(Buffer.of(5, 1, 0));
      await call.until('\x05\x00');
      const name = Buffer.from('cart.shop');
      // The client's first bytes come with its request: they belong to the server.
      const request = [Buffer.of(5, 1, 0, 3, name.length), name, Buffer.of(port >> 8, port & 255)];
      call.socket.write(Buffer.concat([...request, Buffer.from('early')]));
      assert.match(await call.until('early'), /^\x05\x00\x05\x00\x00\x01.{6}early$/s);
      call.socket.destroy();
      assert.equal((await proxy.line({ direction: 'outbound' }))['src.identity'], identityOf('front'));
    });

  it('refuses an unknown caller, and explains 127.0.0.1', async () => {
    const proxy = await oneNode();
    const call = await mesh.call('127.0.0.1', vip(mesh), port);
    assert.equal(await call.end(), '');
    const line = await proxy.line({ direction: 'outbound' });
    assert.match(line['error'] ?? '', /a connection from 127\.0\.0\.1 has no pod: bind your pod’s address/);
  });

  it('a policy that denies names itself, at the destination; the caller hears 401', async () => {
    const proxy = await oneNode({ authorizationPolicies: ['shop/no-front'] });
    await mesh.serve(mesh.at('18.2'), port, echo);
    proxy.tell({ policies: [denying('front')] });
    const call = await callCart();
    assert.equal(await call.end(), '');
    const inbound = await proxy.line({ direction: 'inbound' });
    assert.match(
      inbound['error'] ?? '',
      /policy shop\/no-front rule 0 denies cluster.local\/ns\/shop\/sa\/front/,
    );
    assert.match((await proxy.line({ direction: 'outbound' }))['error'] ?? '', /answered 401/);
    const denied = proxy.report().metrics.filter(({ labels }) => labels.response_flags === 'DENY');
    assert.deepEqual(
      denied.map(({ failed, labels }) => [failed, labels.source_principal]),
      [[1, identityOf('front')]],
    );
  });

  it('a new policy ends what it no longer allows, and leaves the rest alone', async () => {
    const proxy = await oneNode({ authorizationPolicies: ['shop/no-front'] });
    await mesh.serve(mesh.at('18.2'), port, echo);
    proxy.tell({ policies: [denying('nobody')] });
    const call = await callCart();
    await call.echo('one');
    proxy.tell({ policies: [denying('other')] });
    await call.echo('two');
    proxy.tell({ policies: [denying('front')] });
    await call.end();
    const inbound = await proxy.line({ direction: 'inbound' });
    assert.match(inbound['error'] ?? '', /^late denial: policy shop\/no-front/);
  });

  it('a denial that comes while the application is dialled is in force too', async () => {
    let whileDialling = () => undefined as void;
    // Every dial of an application is given its time as it begins.
    const after: Clock['after'] = (millis, run) => {
      if (millis === 10_000) whileDialling();
      return systemClock.after(millis, run);
    };
    const proxy = await mesh.proxy(
      { cluster: 'east' },
      {
        services: [shop.cart],
        workloads: [front(), cartPod({ authorizationPolicies: ['shop/no-front'] })],
        policies: [denying('nobody')],
      },
      { clock: { ...systemClock, after } },
    );
    await mesh.serve(mesh.at('18.2'), port, echo);
    await (await callCart()).echo('one');
    whileDialling = () => proxy.tell({ policies: [denying('front')] });
    const call = await callCart();
    assert.equal(await call.end(), '');
    const inbound = await proxy.line({ direction: 'inbound', bytes_sent: '0' });
    assert.match(inbound['error'] ?? '', /^late denial: policy shop\/no-front/);
  });

  it('an ALLOW that has not come ends nothing that lives, though another does not match', async () => {
    const named = (...names: string[]) =>
      cartPod({ authorizationPolicies: names.map((name) => `shop/${name}`) });
    const allowing = (name: string, account: string) =>
      anAuthorization({ name, action: 'ALLOW', rules: [[[aMatch({ principals: [principal(account)] })]]] });
    const proxy = await oneNode();
    await mesh.serve(mesh.at('18.2'), port, echo);
    proxy.tell({ policies: [allowing('ours', 'front')], workloads: [named('ours')] });
    const call = await callCart();
    await call.echo('one');
    proxy.tell({ policies: [allowing('theirs', 'other')], workloads: [named('theirs', 'late')] });
    await call.echo('two');
    proxy.tell({ policies: [allowing('late', 'nobody')] });
    await call.end();
    assert.match((await proxy.line({ direction: 'inbound' }))['error'] ?? '', /^late denial: no ALLOW/);
  });

  it('ends what is still open to a cluster that was left for good, and lets the rest live', async () => {
    const proxy = await oneNode();
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = await callCart();
    await call.echo('hello');
    proxy.tell({ services: [{ ...shop.cart, leftClusters: ['west'] }] });
    assert.match(await call.echo(', still here'), /still here$/);
    proxy.tell({ services: [{ ...shop.cart, leftClusters: ['east'] }] });
    await call.end();
    const { error } = await proxy.line({ direction: 'outbound' });
    assert.equal(error, 'cluster east was drained, and its deadline is over');
  });

  it('ends plaintext when its destination turns STRICT', async () => {
    const proxy = await oneNode();
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = await mesh.call(mesh.at('17.9'), mesh.at('17.2'), port);
    await call.echo('hello');
    proxy.tell({ workloads: [cartPod({ strict: true })] });
    await call.end();
    assert.match((await proxy.line({ direction: 'inbound' }))['error'] ?? '', /^late denial: STRICT/);
  });

  it('a refusal of one caller is logged and counted once, is not retried, and diverts no other caller', async () => {
    const picky = shop.pod('east', 'cart-picky', '17.3', {
      ...shop.serving(shop.cart, '18.3'),
      capacity: 1_000_000,
      authorizationPolicies: ['shop/no-front'],
    });
    const other = shop.pod('east', 'other', '17.4');
    const proxy = await mesh.proxy(
      { cluster: 'east' },
      {
        services: [shop.cart],
        workloads: [front(), other, cartPod(), picky],
        policies: [denying('front')],
      },
    );
    for (const address of ['18.2', '18.3']) await mesh.serve(mesh.at(address), port, echo);
    assert.equal(await (await callCart()).end(), '', 'a denial is an answer: no other endpoint is asked');
    await proxy.line({ direction: 'outbound', 'src.workload': 'front' });
    assert.equal(proxy.lines.length, 2, 'one line at each end');
    const failed = proxy.report().metrics.filter((one) => one.failed > 0);
    assert.deepEqual(failed.map(({ labels, failed: count }) => [labels.reporter, count]).sort(), [
      ['destination', 1],
      ['source', 1],
    ]);
    const call = await mesh.call(mesh.at('17.4'), vip(mesh), port);
    await call.echo('hello');
    call.socket.end();
    const line = await proxy.line({ direction: 'outbound', 'src.workload': 'other' });
    assert.equal(line['dst.workload'], 'cart-picky');
  });

  for (const [what, bytes] of [
    ['asks for nothing', ''],
    ['speaks another protocol', 'GET / HTTP/1.1\r\n\r\n'],
    ['ends within its greeting', '\x05'],
  ] as const)
    it(`closes on a SOCKS5 client that ${what}`, async () => {
      await oneNode();
      const call = await mesh.call(mesh.at('17.1'), mesh.at('17.1'), 15080);
      call.socket.end(bytes);
      await call.signal.until(() => call.closed);
    });

  it('waits for a policy that is named and has not come', async () => {
    const proxy = await oneNode({ authorizationPolicies: ['shop/late'] });
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = await callCart();
    call.socket.write('patient');
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(call.text, '');
    proxy.tell({ policies: [anAuthorization({ name: 'late', action: 'DENY' })] });
    assert.equal(await call.until('patient'), 'patient');
  });

  it('dials around an endpoint that is dead, and remembers it', async () => {
    const dead = shop.pod('east', 'cart-dead', '17.3', {
      ...shop.serving(shop.cart, '18.3'),
      serviceAccount: 'cart',
      capacity: 1_000_000,
    });
    const proxy = await mesh.proxy(
      { cluster: 'east' },
      { services: [shop.cart], workloads: [front(), cartPod(), dead] },
    );
    await mesh.serve(mesh.at('18.2'), port, echo);
    for (const text of ['one', 'two', 'three']) assert.equal(await (await callCart()).echo(text), text);
    const attempts = proxy.lines.filter((line) => line['dst.workload'] === 'cart-dead');
    assert.equal(attempts.length, 1, 'the first call alone found out');
  });

  it('STRICT refuses plaintext, PERMISSIVE takes it without a name', async () => {
    const proxy = await oneNode({ strict: true });
    await mesh.serve(mesh.at('18.2'), port, echo);
    const refused = await mesh.call(mesh.at('17.9'), mesh.at('17.2'), port);
    refused.socket.write('hello');
    assert.equal(await refused.end(), '');
    assert.match((await proxy.line({ direction: 'inbound' }))['error'] ?? '', /STRICT/);
    proxy.tell({ workloads: [cartPod()] });
    const taken = await mesh.call(mesh.at('17.9'), mesh.at('17.2'), port);
    assert.equal(await taken.echo('hello'), 'hello');
    taken.socket.end();
    const line = await proxy.line({ bytes_recv: '5' });
    assert.equal(line['src.identity'], undefined);
  });

  it('ends live connections and refuses new ones when their issuer is revoked', async () => {
    const proxy = await oneNode();
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = await callCart();
    await call.echo('alive');
    proxy.trust(['east']);
    await call.end();
    assert.match((await proxy.line({ direction: 'inbound' }))['error'] ?? '', /^CERT_REVOKED/);
    const again = await callCart();
    assert.equal(await again.end(), '');
    const outbound = await proxy.line({ bytes_sent: '0' });
    assert.match(outbound['error'] ?? '', /hbone tls: REVOKED_ISSUER/);
  });

  it('waits for a certificate that is late', async () => {
    const proxy = await oneNode();
    await mesh.serve(mesh.at('18.2'), port, echo);
    const late = shop.pod('east', 'late', '17.4');
    proxy.withheld.add(identityOf('late'));
    proxy.tell({ workloads: [late] });
    const call = await mesh.call(mesh.at('17.4'), vip(mesh), port);
    call.socket.write('at last');
    const wants = () => proxy.said.filter((one) => one.kind === 'want-certificate' && one.urgent);
    await proxy.signal.until(() => wants().length > 0);
    proxy.engine.hear({ kind: 'certificate', ...mesh.leaf('east', identityOf('late')) });
    assert.equal(await call.until('at last'), 'at last');
  });

  it('serves 300 callers who all waited for one certificate', async () => {
    const pushed = { services: [shop.cart], workloads: [front(), cartPod()] };
    const proxy = await mesh.proxy({ cluster: 'east' }, pushed, { clock: new FakeClock(Date.now()) });
    await mesh.serve(mesh.at('18.2'), port, echo);
    proxy.withheld.add(identityOf('late'));
    proxy.tell({ workloads: [shop.pod('east', 'late', '17.4')] });
    const calls = await Promise.all(
      Array.from({ length: 300 }, () => mesh.call(mesh.at('17.4'), vip(mesh), port)),
    );
    const urgent = () => proxy.said.filter((one) => one.kind === 'want-certificate' && one.urgent);
    await proxy.signal.until(() => urgent().length > 0);
    proxy.engine.hear({ kind: 'certificate', ...mesh.leaf('east', identityOf('late')) });
    await Promise.all(calls.map((call) => call.echo('served')));
    assert.equal(proxy.report().totals.pooled, 3);
  });

  it('takes no more than there is room for, and has room again when connections have ended', async () => {
    const pushed = { services: [shop.cart], workloads: [front(), cartPod()] };
    // A call takes three: two ends that are accepted, and its CONNECT. The next one shares the tunnel.
    const proxy = await mesh.proxy({ cluster: 'east' }, pushed, { maxAtOnce: 4 });
    await mesh.serve(mesh.at('18.2'), port, echo);
    const first = await callCart();
    await first.echo('in');
    assert.equal(await (await callCart()).end(), '');
    assert.match((await proxy.line({ bytes_sent: '0' }))['error'] ?? '', /answered 503: OVERLOADED/);
    assert.equal(proxy.report().totals.dropped, 1);
    first.socket.end();
    await first.end();
    await proxy.signal.until(() => proxy.lines.length === 3);
    assert.equal(await (await callCart()).echo('in'), 'in');
  });

  it('drains: what lives may end, nothing new is taken', async () => {
    const proxy = await oneNode();
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = await callCart();
    await call.echo('before');
    const stopped = proxy.stop(60_000);
    await assert.rejects(callCart(), { code: 'ECONNREFUSED' });
    await call.echo('after');
    call.socket.end();
    await stopped;
    assert.equal(
      proxy.lines.every(({ error }) => error === undefined),
      true,
    );
  });

  it('shows bytes of a connection while it lives', async () => {
    const proxy = await oneNode();
    await mesh.serve(mesh.at('18.2'), port, echo);
    const call = await callCart();
    await call.echo('12345');
    const [source] = proxy.report().metrics.filter(({ labels }) => labels.reporter === 'source');
    assert.deepEqual([source?.opened, source?.closed, source?.received, source?.sent], [1, 0, 5, 5]);
    assert.equal(source?.labels.connection_security_policy, 'mutual_tls');
  });
});
