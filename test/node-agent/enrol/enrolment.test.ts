import { deepEqual, equal, ok } from 'node:assert/strict';
import fc from 'fast-check';
import {
  after,
  drainMillis,
  isCaptured,
  isOver,
  newEnrolment,
  nextOf,
  restMillis,
  type Enrolment,
  type Event,
  type Target,
  type Work,
} from '@isthmus/node-agent/enrol/enrolment.ts';
import type { Listening } from '@isthmus/node-agent/zds/listening.ts';

const target = (identity = 'a', dns = false): Target => ({
  uid: 'u',
  name: 'cart',
  namespace: 'shop',
  serviceAccount: 'cart',
  options: { dns, inbound: true, virtualInterfaces: [] },
  path: `/run/netns/${identity}`,
  identity,
});

/** A pod with its proxies and its kernel: carries out work, and checks what must never happen. */
class World {
  enrolment: Enrolment = newEnrolment;
  now = 0;
  /** What the proxies would answer. */
  proxies: Listening = { is: 'YES' };
  rulesFail = false;
  /** What is in the namespace of the pod. */
  kernel: 'NONE' | 'WHOLE' | 'STOPPED' = 'NONE';
  readonly done: Work['do'][] = [];

  event(event: Event): void {
    this.enrolment = after(this.enrolment, event, this.now);
  }

  /** Ends what is running. */
  finish(): void {
    const { running } = this.enrolment;
    if (!running) return;
    const isRule = running.do !== 'UNLIST';
    if (isRule && this.rulesFail) return this.event({ type: 'DONE', problem: 'no' });
    if (running.do === 'APPLY') this.kernel = 'WHOLE';
    if (running.do === 'STOP') this.kernel = 'STOPPED';
    if (running.do === 'CLEAR') this.kernel = 'NONE';
    this.event({ type: 'DONE', problem: undefined });
  }

  /** Begins what is to be done now; false: nothing is. */
  begin(): boolean {
    const next = nextOf(this.enrolment, this.now);
    if (next === undefined || typeof next === 'number') return false;
    this.done.push(next.do);
    // Rules of a pod in which no proxy listens would refuse its connections.
    if (next.do === 'APPLY') equal(this.enrolment.listening.is, 'YES');
    // A proxy that stopped would leave rules behind that refuse everything.
    if (next.do === 'UNLIST' && !this.enrolment.isGone && this.enrolment.wanted?.identity === undefined)
      equal(this.kernel, 'NONE');
    this.event({ type: 'BEGUN', work: next });
    if (next.do === 'LIST') this.event({ type: 'LISTENING', listening: this.proxies });
    return true;
  }

  /** As long as anything happens by itself. */
  settle(): void {
    for (let i = 0; i < 200; i++) {
      this.finish();
      if (this.begin()) continue;
      const next = nextOf(this.enrolment, this.now);
      if (typeof next !== 'number') return;
      this.now += next;
    }
    throw new Error(`it never settles: ${JSON.stringify(this.enrolment)}`);
  }
}

describe('the enrolment of a pod', () => {
  it('has listeners before rules, and goes the other way', () => {
    const world = new World();
    world.event({ type: 'WANTED', target: target() });
    world.settle();
    equal(isCaptured(world.enrolment), true);
    world.event({ type: 'UNWANTED' });
    world.settle();
    deepEqual(world.done, ['LIST', 'APPLY', 'STOP', 'CLEAR', 'UNLIST']);
    ok(world.now >= drainMillis);
    equal(isOver(world.enrolment), true);
  });

  it('waits for a proxy with its rules, and keeps those that are there while none is connected', () => {
    const world = new World();
    world.proxies = { is: 'WAITING' };
    world.event({ type: 'WANTED', target: target() });
    world.settle();
    deepEqual(world.done, ['LIST']);
    world.event({ type: 'LISTENING', listening: { is: 'YES' } });
    world.settle();
    world.event({ type: 'LISTENING', listening: { is: 'WAITING' } });
    world.settle();
    deepEqual(world.done, ['LIST', 'APPLY']);
    equal(isCaptured(world.enrolment), false);
    equal(world.kernel, 'WHOLE');
  });

  it('asks a proxy that refused again, after a second and then after twice as long', () => {
    const world = new World();
    world.proxies = { is: 'REFUSED', problem: 'setns: EPERM' };
    world.event({ type: 'WANTED', target: target() });
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      world.begin();
      const next = nextOf(world.enrolment, world.now);
      if (typeof next === 'number') {
        waits.push(next);
        world.now += next;
      }
    }
    deepEqual(waits.slice(0, 6), [1000, 2000, 4000, 8000, 16_000, 30_000]);
    equal(world.enrolment.problem, 'setns: EPERM');
    world.proxies = { is: 'YES' };
    world.settle();
    equal(isCaptured(world.enrolment), true);
    equal(world.enrolment.problem, undefined);
  });

  it('with other options has its rules written again', () => {
    const world = new World();
    world.event({ type: 'WANTED', target: target('a', false) });
    world.settle();
    world.event({ type: 'WANTED', target: target('a', true) });
    world.settle();
    deepEqual(world.done, ['LIST', 'APPLY', 'APPLY']);
  });

  it('of a sandbox that was made again begins in the new namespace', () => {
    const world = new World();
    world.event({ type: 'WANTED', target: target('a') });
    world.settle();
    world.event({ type: 'WANTED', target: target('b') });
    world.settle();
    deepEqual(world.done, ['LIST', 'APPLY', 'UNLIST', 'LIST', 'APPLY']);
    equal(world.enrolment.listed?.identity, 'b');
  });

  it('of a pod whose namespace has ended leaves its rules alone', () => {
    const world = new World();
    world.event({ type: 'WANTED', target: target() });
    world.settle();
    world.event({ type: 'GONE' });
    world.settle();
    deepEqual(world.done, ['LIST', 'APPLY', 'UNLIST']);
    equal(isOver(world.enrolment), true);
  });

  it('of a pod that returns while it drains is captured at once', () => {
    const world = new World();
    world.event({ type: 'WANTED', target: target() });
    world.settle();
    world.now += restMillis;
    world.event({ type: 'UNWANTED' });
    ok(world.begin());
    world.finish();
    equal(world.enrolment.rules, 'STOPPED');
    const stoppedAt = world.now;
    world.event({ type: 'WANTED', target: target() });
    world.settle();
    equal(world.now, stoppedAt);
    equal(isCaptured(world.enrolment), true);
  });

  it('of a pod that is relabelled 50 times a second writes its rules four times a second at most', () => {
    const world = new World();
    const seconds = 20;
    for (let i = 0; i < 50 * seconds; i++) {
      world.event(i % 2 === 0 ? { type: 'WANTED', target: target() } : { type: 'UNWANTED' });
      world.finish();
      world.begin();
      world.now += 20;
    }
    ok(world.done.length <= 4 * seconds + 4, `${world.done.length} pieces of work`);
    world.event({ type: 'WANTED', target: target() });
    world.settle();
    equal(isCaptured(world.enrolment), true);
  });

  const listening = fc.constantFrom<Listening>(
    { is: 'YES' },
    { is: 'WAITING' },
    { is: 'REFUSED', problem: 'no' },
  );
  const waits = fc.integer({ min: 0, max: 40_000 });
  /** What may happen to a world, each with what it does. */
  const step = fc.oneof(
    fc.tuple(fc.constantFrom('a', 'b'), fc.boolean()).map(([identity, dns]) => (world: World) => {
      if (world.enrolment.listed && world.enrolment.listed.identity !== identity) world.kernel = 'NONE';
      world.event({ type: 'WANTED', target: target(identity, dns) });
    }),
    fc.constant((world: World) => world.event({ type: 'UNWANTED' })),
    fc.constant((world: World) => {
      world.event({ type: 'GONE' });
      world.kernel = 'NONE';
    }),
    fc.constant((world: World) => world.event({ type: 'SUSPECT' })),
    listening.map((one) => (world: World) => {
      world.proxies = one;
      if (world.enrolment.listed) world.event({ type: 'LISTENING', listening: one });
    }),
    fc.boolean().map((fail) => (world: World) => void (world.rulesFail = fail)),
    fc.constant((world: World) => void world.begin()),
    fc.constant((world: World) => world.finish()),
    waits.map((millis) => (world: World) => void (world.now += millis)),
  );

  it('ends right after any order of events', () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, isWanted) => {
        const world = new World();
        for (const happens of steps) happens(world);
        // All is well again.
        world.proxies = { is: 'YES' };
        world.rulesFail = false;
        if (world.enrolment.listed) world.event({ type: 'LISTENING', listening: { is: 'YES' } });
        const last = world.enrolment.listed?.identity ?? 'a';
        world.event(isWanted ? { type: 'WANTED', target: target(last, true) } : { type: 'UNWANTED' });
        world.settle();
        equal(isCaptured(world.enrolment), isWanted);
        equal(isOver(world.enrolment), !isWanted);
        if (isWanted) equal(world.kernel, 'WHOLE');
        else if (!world.enrolment.isGone) equal(world.kernel, 'NONE');
      }),
      { numRuns: 1000 },
    ));
});
