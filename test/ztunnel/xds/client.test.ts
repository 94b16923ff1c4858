import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import { parseControlPlane } from '@isthmus/ztunnel/xds/control-plane.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { emptySnapshot, XdsWorld } from '../../fakes/xds-world.ts';

describe('the delta client', () => {
  it('waits longer after each failure, up to 15 s, and reads the token again each time', async () => {
    const world = await XdsWorld.start();
    world.publish(emptySnapshot);
    await writeFile(world.path('token'), 'stale');
    const clock = new FakeClock();
    const delays: number[] = [];
    const spy = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after(delay: number, run: () => void) {
        // 5000 is the limit of a dial, which is cancelled when the stream ends.
        if (delay !== 5000) delays.push(delay);
        return clock.after(delay, run);
      },
    };
    const proxy = world.proxy({}, spy);
    while (delays.length < 14) {
      const had = delays.length;
      while (delays.length === had) await new Promise((resolve) => setImmediate(resolve));
      assert.match(proxy.client.problem, /no valid token/);
      if (delays.length === 14) await writeFile(world.path('token'), 'good');
      await clock.advance(delays.at(-1)!);
    }
    await proxy.ready();
    for (const [attempt, delay] of delays.entries()) {
      const most = Math.min(15_000, 10 * 2 ** attempt);
      assert.ok(delay >= most / 2 && delay <= most, `attempt ${attempt} waited ${delay}`);
    }
    await proxy.stop();
    await world.stop();
  });

  it('stops at once when it is aborted, also while it waits', async () => {
    const world = await XdsWorld.start();
    const clock = new FakeClock();
    const proxy = world.proxy({ rootCaFile: world.path('missing.pem') }, clock);
    await clock.waitForTimer();
    assert.match(proxy.client.problem, /missing\.pem/);
    await proxy.stop();
    await world.stop();
  });

  const addresses: Record<string, { host: string; port: number } | undefined> = {
    '127.7.0.1:15012': { host: '127.7.0.1', port: 15_012 },
    'https://istiod.istio-system.svc:15012': { host: 'istiod.istio-system.svc', port: 15_012 },
    'istiod.istio-system.svc': { host: 'istiod.istio-system.svc', port: 15_012 },
    'https://[::1]:443': { host: '::1', port: 443 },
    'http://istiod:15012': undefined,
    'https://istiod:15012/path': undefined,
    '': undefined,
  };
  for (const [text, want] of Object.entries(addresses))
    it(`an address of '${text}' is ${want ? `${want.host} port ${want.port}` : 'refused'}`, () => {
      if (want) assert.deepEqual(parseControlPlane(text), want);
      else assert.throws(() => parseControlPlane(text), CodedError);
    });
});
