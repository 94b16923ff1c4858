import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { ask, foreignSession } from '../fakes/foreign-client.ts';
import { pouring, type Application } from './applications.ts';
import { atMost, equal } from './bound.ts';
import { isLong, timeScale } from './measured.ts';
import { AttackTarget } from './target.ts';

const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis));
const size = 8 * 1024 * 1024;

describe('S6, readers that pause', () => {
  let target: AttackTarget;
  let pour: Application;
  const sessions: ClientHttp2Session[] = [];
  before(async () => {
    target = await AttackTarget.start();
    pour = await pouring(target, 9081, size);
  });
  after(async () => {
    for (const session of sessions) session.destroy();
    pour.stop();
    await target.stop();
  });

  const open = async (account: string) => {
    const session = await foreignSession(target.leaf(account), target.address);
    sessions.push(session);
    return session;
  };
  const tunnel = async (session: ClientHttp2Session, authority: string): Promise<ClientHttp2Stream> => {
    const stream = ask(session, authority);
    const [answer] = (await once(stream, 'response')) as [Record<string, unknown>];
    assert.equal(answer[':status'], 200);
    return stream;
  };
  const echoed = async (stream: ClientHttp2Stream): Promise<void> => {
    const came = once(stream, 'data');
    stream.write('hello');
    assert.equal(String((await came)[0]), 'hello');
  };

  const seconds = isLong ? 600 : 5;
  it(`a consumer that pauses ${seconds} s gets every byte, and its siblings on the session go on meanwhile`, async () => {
    const session = await open('consumer');
    const paused = await tunnel(session, pour.authority);
    const sibling = await tunnel(session, target.authority);
    let [slowest, rounds] = [0, 0];
    for (const end = performance.now() + seconds * 1000; performance.now() < end; rounds++) {
      const begun = performance.now();
      await echoed(sibling);
      slowest = Math.max(slowest, performance.now() - begun);
      await pause(50);
    }
    atMost(`the slowest of ${rounds} requests beside it`, slowest, 1000 * timeScale, ' ms');
    assert.equal(paused.closed, false, 'the paused tunnel was closed');
    let bytes = 0;
    const ended = once(paused, 'end');
    paused.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await ended;
    equal('bytes that the paused consumer got', bytes, size);
  }).timeout((seconds + 120) * 1000);

  it('when the share of an identity is used up its longest stalled tunnel is reset, and no other identity is hurt', async () => {
    const [session, other] = [await open('hoarder'), await open('honest')];
    const beside = await tunnel(other, target.authority);
    const before = await target.metric('isthmus_stalled_tunnels_reset_total');
    const stalled: ClientHttp2Stream[] = [];
    const resets: number[] = [];
    let refused = 0;
    for (const end = performance.now() + 30_000 * timeScale; resets.length === 0;) {
      await pause(20);
      assert.ok(performance.now() < end, 'no stalled tunnel was reset');
      // One stream never gets more than 64 KiB: its window.
      const stream = ask(session, pour.authority);
      const [answer] = (await once(stream, 'response')) as [Record<string, unknown>];
      if (answer[':status'] !== 200) {
        refused++;
        stream.resume().end();
        continue;
      }
      const number = stalled.push(stream) - 1;
      stream.once('close', () => resets.push(number));
      await echoed(beside);
    }
    const counted = (await target.metric('isthmus_stalled_tunnels_reset_total')) - before;
    console.log(`      tunnels: ${stalled.length} stalled, ${refused} refused, ${counted} reset`);
    equal('the first that was reset, in the order of their stalls', resets[0]!, 0);
    assert.ok(counted > 0);
    assert.equal(stalled.at(-1)!.closed, false, 'the latest is still open');
    await echoed(beside);
  });
});
