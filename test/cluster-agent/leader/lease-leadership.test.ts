import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { permitted } from '@isthmus/api/kube/access.ts';
import { leases } from '@isthmus/api/kube/resources.ts';
import { leaseAccess } from '@isthmus/cluster-agent/leader/lease.ts';
import { LeaseLeadership } from '@isthmus/cluster-agent/leader/lease-leadership.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeApiServer, type Outcome } from '../../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../../fakes/clock.ts';

const namespace = 'isthmus-system';
const unreachable = new ApiFailure('API_UNREACHABLE', 'nobody answers');

/** A clock whose wall time is another one than the others'. */
class OddClock extends FakeClock {
  skew = 0;

  override now(): number {
    return super.now() + this.skew;
  }
}

describe('the Lease of an agent', () => {
  let clock: OddClock;
  let api: FakeApiServer;
  let draws = 0;
  const running: AbortController[] = [];

  beforeEach(() => {
    clock = new OddClock();
    api = new FakeApiServer([leases]);
  });
  afterEach(() => running.splice(0).forEach((stop) => stop.abort()));

  const start = async (id: string) => {
    let isDead = false;
    const stop = new AbortController();
    running.push(stop);
    const address = `${id}.example:15103`;
    const one = new LeaseLeadership({
      api: new Proxy(permitted(api, [leaseAccess], namespace), {
        get: (target, name) =>
          isDead ? () => Promise.reject(unreachable) : (Reflect.get(target, name) as unknown),
      }),
      namespace,
      id,
      address,
      clock,
      random: { ...systemRandom, fraction: () => (draws++ % 10) / 10 },
      log: silentLog,
    });
    const changes: boolean[] = [];
    one.onChange(() => changes.push(one.leads()));
    const ended = one.run(stop.signal);
    // Time stands still while it reads, and takes what is free.
    for (let i = 0; i < 4; i++) await settle();
    /** The process is killed: the API server hears no more of it. */
    const die = () => (isDead = true);
    return Object.assign(one, { stop: () => stop.abort(), die, ended, changes });
  };
  const lease = () => api.find(leases, namespace, 'isthmus-agent') as LeaseObject | undefined;
  const settle = () => clock.advance(0);
  /** A replica that leads since now, and one that does not. */
  const two = async () => {
    const a = await start('agent-a');
    const b = await start('agent-b');
    assert.deepEqual([a.leads(), b.leads()], [true, false]);
    return { a, b };
  };

  it('is made by the first replica, which leads at once; another one waits and knows who leads', async () => {
    const { b } = await two();
    assert.deepEqual(b.leader, { id: 'agent-a', address: 'agent-a.example:15103' });
    assert.equal(lease()?.spec.holderIdentity, 'agent-a');
    assert.equal(lease()?.spec.leaseDurationSeconds, 15);
    assert.match(lease()?.spec.renewTime ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  });

  it('is renewed every 5 s, and stays with the one that renews it', async () => {
    const { a, b } = await two();
    const writes = () => api.calls.filter(({ verb }) => verb === 'update').length;
    const before = writes();
    await clock.advance(60_000);
    assert.equal(writes() - before, 12);
    assert.deepEqual([a.leads(), b.leads(), a.changes], [true, false, [true]]);
  });

  it('is released when its holder stops: the other one leads within 2 s', async () => {
    const { a, b } = await two();
    a.stop();
    await a.ended;
    assert.equal(a.leads(), false);
    assert.equal(lease()?.spec.holderIdentity, '');
    await clock.advance(2000);
    assert.equal(b.leads(), true);
    assert.equal(lease()?.spec.leaseTransitions, 1);
  });

  it('that was released is left to a replica that was there before: a new one has nothing of the hub yet', async () => {
    const { a, b } = await two();
    // The other one has just looked.
    await clock.advance(1900);
    a.stop();
    await a.ended;
    const c = await start('agent-c');
    await clock.advance(5000);
    assert.deepEqual([b.leads(), c.leads()], [true, false]);
  });

  it('that was released is taken by a new replica after 5 s, where no other one has taken it', async () => {
    const a = await start('agent-a');
    a.stop();
    await a.ended;
    const b = await start('agent-b');
    await clock.advance(4900);
    assert.equal(b.leads(), false);
    await clock.advance(200);
    assert.equal(b.leads(), true);
  });

  it('that cannot be renewed for 5 s is named with the reason, until it is renewed', async () => {
    const { a } = await two();
    await clock.advance(4000);
    api.before = () => unreachable;
    // It is renewed 5 s after the last time.
    await clock.advance(5900);
    assert.deepEqual(a.conditions(), []);
    await clock.advance(1000);
    const [condition] = a.conditions();
    assert.equal(condition?.reason, 'LEASE_NOT_RENEWED');
    assert.equal(condition.object, 'Lease isthmus-system/isthmus-agent');
    assert.match(condition.message, /nobody answers$/);
    assert.match(condition.remedy, /restore the API server/);
    api.before = () => undefined;
    await clock.advance(2000);
    assert.deepEqual(a.conditions(), []);
  });

  it('is taken over 15 s after the other one saw the last renewal, by its own clock', async () => {
    const { a, b } = await two();
    a.die();
    const died = clock.monotonic();
    while (!b.leads()) await clock.advance(100);
    const after = clock.monotonic() - died;
    assert.ok(after > 14_900 && after <= 17_100, `after ${after} ms`);
  });

  it('does not depend on the clock of the machine that renews it', async () => {
    const a = await start('agent-a');
    // What it writes looks an hour old.
    clock.skew = -3_600_000;
    await clock.advance(5000);
    clock.skew = 0;
    const b = await start('agent-b');
    await clock.advance(4000);
    assert.deepEqual([a.leads(), b.leads()], [true, false]);
  });

  it('does not change hands when the wall clock of its holder jumps', async () => {
    const { a, b } = await two();
    for (const skew of [86_400_000, -86_400_000, 0]) {
      clock.skew = skew;
      await clock.advance(20_000);
      assert.deepEqual([a.leads(), b.leads()], [true, false]);
    }
  });

  it('no longer counts 10 s after the last renewal that was answered, while the API server is away', async () => {
    const { a, b } = await two();
    await clock.advance(5000 - clock.monotonic());
    await settle();
    api.before = () => unreachable;
    await clock.advance(9_999);
    assert.equal(a.leads(), true);
    await clock.advance(1);
    assert.equal(a.leads(), false);
    await clock.advance(60_000);
    assert.deepEqual([a.leads(), b.leads()], [false, false]);
    api.before = () => undefined;
    await clock.advance(3000);
    assert.equal(Number(a.leads()) + Number(b.leads()), 1);
  });

  it('no longer counts while the API server accepts requests and never answers, and counts again afterwards', async () => {
    const { a, b } = await two();
    api.before = () => 'HANG';
    await clock.advance(15_000);
    assert.equal(a.leads(), false);
    api.before = () => undefined;
    await clock.advance(8_000);
    assert.equal(Number(a.leads()) + Number(b.leads()), 1);
  });

  it('is kept when the answer to a renewal is lost', async () => {
    const { a } = await two();
    const replace = api.replace.bind(api);
    let lost = 0;
    api.replace = async (...call) => {
      const answer = await replace(...call);
      if (lost++ === 0) throw unreachable;
      return answer;
    };
    await clock.advance(60_000);
    assert.ok(lost > 2);
    assert.deepEqual([a.leads(), a.changes], [true, [true]]);
  });

  it('is taken by one of two that try at once', async () => {
    const both = await Promise.all([start('agent-a'), start('agent-b')]);
    await clock.advance(5000);
    assert.equal(both.filter((one) => one.leads()).length, 1);
  });

  it('is taken at once by a pod whose container has restarted', async () => {
    const first = await start('agent-a');
    await clock.advance(5010);
    first.die();
    const again = await start('agent-a');
    assert.equal(again.leads(), true);
  });

  it('belongs to the later writer of two processes with one name, not to both', async () => {
    const a = await start('agent-a');
    const twin = await start('agent-a');
    await clock.advance(30_000);
    assert.deepEqual([a.leads(), twin.leads()], [false, true]);
  });

  it('keeps labels and annotations that others have put there', async () => {
    await two();
    api.put(leases, {
      ...lease(),
      metadata: { name: 'isthmus-agent', namespace, labels: { team: 'mesh' }, annotations: { note: 'x' } },
    });
    await clock.advance(10_000);
    assert.equal(lease()?.metadata.labels?.['team'], 'mesh');
    assert.equal(lease()?.metadata.annotations?.['note'], 'x');
  });

  for (const spec of [undefined, {}, { holderIdentity: 7 }, { holderIdentity: null, renewTime: 'soon' }])
    it(`is taken when somebody has written ${JSON.stringify(spec)} as its spec`, async () => {
      api.put(leases, { metadata: { name: 'isthmus-agent', namespace }, spec });
      const a = await start('agent-a');
      await clock.advance(5100);
      assert.equal(a.leads(), true);
    });

  it('makes one replica the leader at a time, whatever the API server answers', async () => {
    const outcomes = fc.array(
      fc.record({
        millis: fc.integer({ min: 1, max: 9_000 }),
        how: fc.constantFrom('OK', 'OK', 'OK', 'UNREACHABLE', 'HANG', 'CONFLICT', 'DELETED', 'STOP'),
      }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(outcomes, async (steps) => {
        clock = new OddClock();
        api = new FakeApiServer([leases]);
        const replicas = [await start('agent-a'), await start('agent-b'), await start('agent-c')];
        let deletedAt = -Infinity;
        for (const { millis, how } of steps) {
          if (how === 'STOP') replicas[0]?.stop();
          // A Lease that comes and goes between two looks of a replica is one that this replica cannot know of.
          if (how === 'DELETED' && clock.monotonic() - deletedAt > 30_000) {
            api.delete(leases, namespace, 'isthmus-agent');
            deletedAt = clock.monotonic();
          }
          api.before = () => outcomeOf(how);
          for (let passed = 0; passed < millis; passed += 250) {
            await clock.advance(250);
            assert.ok(replicas.filter((one) => one.leads()).length <= 1, how);
          }
        }
        api.before = () => undefined;
        await clock.advance(30_000);
        assert.equal(replicas.filter((one) => one.leads()).length, 1);
        for (const one of replicas) one.stop();
      }),
      { numRuns: 200 },
    );
  });

  it('is made again when somebody deletes it', async () => {
    const { a, b } = await two();
    api.delete(leases, namespace, 'isthmus-agent');
    await clock.advance(10_000);
    assert.equal(Number(a.leads()) + Number(b.leads()), 1);
    assert.notEqual(lease(), undefined);
  });
});

function outcomeOf(how: string): Outcome {
  if (how === 'UNREACHABLE') return unreachable;
  if (how === 'HANG') return 'HANG';
  return how === 'CONFLICT'
    ? new ApiFailure('API_CONFLICT', 'it is another by now', { status: 409 })
    : undefined;
}

interface LeaseObject {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly holderIdentity: string;
    readonly leaseDurationSeconds: number;
    readonly leaseTransitions: number;
    readonly renewTime: string;
  };
}
