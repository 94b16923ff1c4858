import assert from 'node:assert/strict';
import { once } from 'node:events';
import { FakeClock } from '../../fakes/clock.ts';
import { ask } from '../../fakes/foreign-client.ts';
import { ended, garbage, knocking, partOfHello, status, totals } from './knocking.ts';
import { shopIn } from './shop.ts';

describe('ztunnel, what peers may take before they are known', () => {
  const world = knocking();
  const { destination, knock, begun, accepted, refusedBefore } = world;

  it('serves an honest client of the same address while 1,100 connections of it say nothing', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy, open, authority } = await destination({ clock });
    const calls = await knock(1100, '17.2');
    await begun(proxy, 1100);
    assert.deepEqual(
      [totals(proxy).slots, totals(proxy).handshakes, totals(proxy).handshakesEvicted],
      [0, 512, 588],
    );
    const session = await open('99.1');
    const stream = ask(session, authority);
    assert.equal(await status(stream), 200);
    stream.write('hello');
    assert.equal(String(((await once(stream, 'data')) as [Buffer])[0]), 'hello');
    assert.equal(totals(proxy).slots, 2);
    assert.ok(ended(calls) < calls.length);
    await clock.advance(1000);
    const lines = proxy.logged.filter((one) => one['reason'] === 'HANDSHAKES_PER_ADDRESS');
    assert.deepEqual(
      lines.map(({ from, suppressed }) => [from, suppressed]),
      [
        [world.mesh.at('99.1'), undefined],
        // The honest one made room for itself as well.
        [world.mesh.at('99.1'), 589 - 2],
      ],
    );
    session.destroy();
  });

  it('serves an honest client while more addresses than one hold all places', async () => {
    const { proxy, open, authority } = await destination();
    await knock(400, '17.2', 15008, '99.1');
    await knock(400, '17.2', 15008, '99.2');
    await knock(400, '17.2', 15008, '99.3');
    await begun(proxy, 1200);
    assert.equal(totals(proxy).handshakesEvicted, 176);
    const session = await open('17.1');
    assert.equal(await status(ask(session, authority)), 200);
    session.destroy();
  });

  it('takes no slot for a peer that is not known yet', async () => {
    const { proxy, open, authority } = await destination({ maxAtOnce: 2 });
    await knock(20, '17.2');
    await begun(proxy, 20);
    assert.equal(totals(proxy).slots, 0);
    const session = await open('17.1');
    assert.equal(await status(ask(session, authority)), 200);
    assert.deepEqual([totals(proxy).slots, totals(proxy).dropped], [2, 0]);
    session.destroy();
  });

  it('ends a handshake after ten seconds, whatever part of it has come, and says so', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy } = await destination({ clock });
    const [silent, slow] = await knock(2, '17.2');
    assert.ok(silent && slow);
    slow.socket.write(partOfHello);
    await accepted(proxy, 2);
    await clock.advance(9999);
    assert.equal(totals(proxy).handshakes, 2);
    await clock.advance(1);
    await Promise.all([silent.end(), slow.end()]);
    await accepted(proxy, 0);
    assert.deepEqual([totals(proxy).handshakes, totals(proxy).handshakesTimedOut], [0, 2]);
    const line = await proxy.warning({
      reason: 'HANDSHAKE_TIMEOUT',
      role: 'hbone',
      from: world.mesh.at('99.1'),
    });
    assert.match(String(line['error']), /no handshake was completed within 10000 ms/);
  });

  it('cuts the oldest of an address from one more than its limit on, and no session that is known', async () => {
    const { proxy, open, authority } = await destination({ handshakes: { perAddress: 3 } });
    const sessions = [await open('99.1'), await open('99.1'), await open('99.1'), await open('99.1')];
    const calls = [...(await knock(1, '17.2')), ...(await knock(2, '17.2'))];
    await begun(proxy, 3);
    assert.equal(totals(proxy).handshakesEvicted, 0);
    await knock(1, '17.2');
    await calls[0]?.end();
    assert.equal(ended(calls), 1);
    assert.deepEqual([totals(proxy).handshakes, totals(proxy).handshakesEvicted], [3, 1]);
    for (const session of sessions) {
      assert.equal(await status(ask(session, authority)), 200);
      session.destroy();
    }
  });

  it('refuses an address of which 50 handshakes failed in a second, serves others, and soon takes it again', async () => {
    const clock = new FakeClock(Date.now());
    const { proxy, open, authority } = await destination({ clock });
    const fail = async (count: number) => {
      const calls = await knock(count, '17.2');
      for (const { socket } of calls) socket.write(garbage);
      await Promise.all(calls.map((one) => one.end()));
      await accepted(proxy, 0);
    };
    await fail(49);
    const known = await open('99.1');
    assert.equal(totals(proxy).handshakesRefused, 0);
    const [last] = await knock(1, '17.2');
    last?.socket.write(garbage);
    await last?.end();
    await accepted(proxy, 1);
    const [refused] = await knock(1, '17.2');
    assert.ok(refused);
    await refusedBefore(proxy, 1);
    assert.equal(refused.ended, false);
    await clock.advance(1000);
    await refused.end();
    assert.equal(totals(proxy).handshakesRefused, 1);
    const line = await proxy.warning({ reason: 'HANDSHAKES_FAILED' });
    assert.match(String(line['error']), /more than 50 handshakes a second of this address have failed/);
    const other = await open('17.1');
    for (const session of [known, other]) assert.equal(await status(ask(session, authority)), 200);
    const again = await open('99.1');
    for (const session of [known, other, again]) session.destroy();
  });

  it('does not blame an east-west gateway for what strangers send through it', async () => {
    const { proxy, open } = await destination();
    const gateway = shopIn(world.mesh).pod('east', 'gw', '33.250', { eastWestGateway: true, node: 'other' });
    proxy.tell({ workloads: [gateway] });
    const calls = await knock(200, '17.2', 15008, '33.250');
    for (const { socket } of calls) socket.write(garbage);
    await Promise.all(calls.map((one) => one.end()));
    await accepted(proxy, 0);
    (await open('33.250')).destroy();
    assert.equal(totals(proxy).handshakesRefused, 0);
  });
});
