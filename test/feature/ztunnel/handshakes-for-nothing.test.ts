import assert from 'node:assert/strict';
import { FakeClock } from '../../fakes/clock.ts';
import type { foreignSession } from '../../fakes/foreign-client.ts';
import { ask } from '../../fakes/foreign-client.ts';
import type { TestProxy } from '../../fakes/proxy-mesh.ts';
import { garbage, knocking, status, totals } from './knocking.ts';
import { shopIn } from './shop.ts';

describe('ztunnel, handshakes for nothing', () => {
  const world = knocking();
  const { destination, knock, accepted, refusedBefore } = world;

  /** These many sessions, one after another, that end before a CONNECT. */
  async function emptySessions(
    proxy: TestProxy,
    open: () => ReturnType<typeof foreignSession>,
    count: number,
  ) {
    for (let i = 0; i < count; i++) (await open()).destroy();
    await accepted(proxy, 0);
  }

  it('refuses an address from the 17th session in a second on that ended without a tunnel, and no other', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy, open, authority } = await destination({ clock });
    await emptySessions(proxy, () => open('99.1'), 16);
    const [failed] = await knock(1, '17.2');
    failed?.socket.write(garbage);
    await failed?.end();
    await emptySessions(proxy, () => open('99.1'), 1);
    assert.equal(totals(proxy).handshakesRefused, 0);
    const [refused] = await knock(1, '17.2');
    assert.ok(refused);
    await refusedBefore(proxy, 1);
    assert.equal(refused.ended, false);
    await clock.advance(1000);
    await refused.end();
    assert.equal(totals(proxy).handshakesRefused, 1);
    const line = await proxy.warning({ reason: 'HANDSHAKES_FAILED' });
    assert.match(String(line['error']), /have failed or were for nothing/);
    const other = await open('17.1');
    assert.equal(await status(ask(other, authority)), 200);
    const again = await open('99.1');
    assert.equal(await status(ask(again, authority)), 200);
    for (const session of [other, again]) session.destroy();
  });

  it('does not count sessions that had a tunnel, however many there are', async () => {
    const { proxy, open, authority } = await destination();
    for (let i = 0; i < 60; i++) {
      const session = await open('99.1');
      assert.equal(await status(ask(session, authority)), 200);
      session.destroy();
    }
    await accepted(proxy, 0);
    (await open('99.1')).destroy();
    assert.equal(totals(proxy).handshakesRefused, 0);
  });

  it('does not blame an east-west gateway for sessions without a tunnel', async () => {
    const { proxy, open } = await destination();
    const gateway = shopIn(world.mesh).pod('east', 'gw', '33.250', { eastWestGateway: true, node: 'other' });
    proxy.tell({ workloads: [gateway] });
    await emptySessions(proxy, () => open('33.250'), 60);
    assert.equal(totals(proxy).handshakesRefused, 0);
  });

  it('counts an identity that comes back while it may open no session against its address', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy, open, authority } = await destination({ clock, shares: { sessions: 1 } });
    const known = await open('17.1');
    assert.equal(await status(ask(known, authority)), 200);
    for (let i = 1; i <= 17; i++) {
      void open('99.1').catch(() => undefined);
      while (totals(proxy).limited < i) await new Promise((resolve) => setImmediate(resolve));
    }
    await accepted(proxy, 1);
    assert.equal(totals(proxy).handshakesRefused, 0);
    const [refused] = await knock(1, '17.2');
    assert.ok(refused);
    await refusedBefore(proxy, 1);
    assert.equal(refused.ended, false);
    await clock.advance(1000);
    await refused.end();
    assert.equal(totals(proxy).handshakesRefused, 1);
    known.destroy();
  });

  it('does not count an address whose connections come and go without a byte', async () => {
    const { proxy, open } = await destination();
    for (const { socket } of await knock(200, '17.2')) socket.end();
    await accepted(proxy, 0);
    assert.equal(totals(proxy).handshakesRefused, 0);
    (await open('99.1')).destroy();
  });
});
