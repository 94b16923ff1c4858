import assert from 'node:assert/strict';
import type { EnteringVerdict, Live } from '@isthmus/mesh/decide/live.ts';
import type { Peer } from '@isthmus/mesh/identity/judge.ts';
import { TouchedKeys } from '@isthmus/mesh/state/touched.ts';
import { Connections, type Entering } from '@isthmus/ztunnel/proxy/connections.ts';
import type { Place } from '@isthmus/ztunnel/proxy/place.ts';
import { FakeClock } from '../../fakes/clock.ts';

const nobody = new Set<string>();

/** Connections to services, judged by what a test says of each service. */
function some(clock = new FakeClock(), nextTurn?: (run: () => void) => void) {
  const verdicts = new Map<string, EnteringVerdict>();
  const judged: string[] = [];
  const closed: string[] = [];
  const called = ({ outbound }: Live) => outbound?.service ?? '';
  const connections = new Connections({
    clock,
    judge(live) {
      judged.push(called(live));
      return verdicts.get(called(live)) ?? { kind: 'lives' };
    },
    servedBy: () => undefined,
    ...(nextTurn && { nextTurn }),
  });
  const to = (service: string): Entering & { readonly inbound: undefined } => ({
    about: service,
    peer: undefined,
    inbound: undefined,
    outbound: { service, cluster: 'west' },
  });
  const enter = (service: string): Place => {
    const entered = connections.enter(to(service));
    assert.equal(entered.kind, 'place');
    return (entered as { readonly place: Place }).place;
  };
  const carried = (service: string): Place => {
    const place = enter(service);
    place.carried(service, ({ message, flags }) => closed.push(`${service}: ${message} ${flags}`));
    return place;
  };
  const deny = (service: string) =>
    verdicts.set(service, { kind: 'ends', cause: 'LEFT_CLUSTER', message: 'left' });
  const left = (...services: readonly string[]) => {
    const touched = new TouchedKeys();
    for (const service of services) touched.left.add(service);
    return touched;
  };
  const wake = (...services: readonly string[]): boolean => {
    let done = false;
    connections.wake(left(...services), nobody, () => (done = true));
    return done;
  };
  return { clock, verdicts, judged, closed, connections, to, enter, carried, deny, wake };
}

describe('ztunnel/proxy connections', () => {
  it('are judged as they come in, and one that is refused has no place', () => {
    const { connections, deny, to } = some();
    deny('a');
    assert.deepEqual(connections.enter(to('a')), {
      kind: 'refused',
      ending: { message: 'left', flags: '-' },
    });
    assert.equal(connections.enter(to('b')).kind, 'place');
    assert.equal(connections.size, 1);
  });

  it('end before the session of the same issuer that carries them, so that each says why', () => {
    const ended: string[] = [];
    let verdict: EnteringVerdict = { kind: 'lives' };
    const connections = new Connections({
      clock: new FakeClock(),
      judge: () => verdict,
      servedBy: () => undefined,
    });
    const peer = { issuerKeyId: 'k1' } as Peer;
    const enter = (about: string, drain?: () => void) => {
      const entering = { about, peer, inbound: undefined, outbound: undefined };
      const entered = connections.enter(drain ? { ...entering, drain } : entering);
      assert.equal(entered.kind, 'place');
      (entered as { readonly place: Place }).place.carried(about, () => ended.push(about));
    };
    enter('session', () => undefined);
    enter('tunnel');
    verdict = { kind: 'ends', cause: 'ISSUER_NOT_TRUSTED', message: 'revoked' };
    connections.wake(new TouchedKeys(), new Set(['k1']), () => ended.push('done'));
    assert.deepEqual(ended, ['tunnel', 'session', 'done']);
  });

  it('end when what they rest on is touched and refuses them; others are not judged again', () => {
    const { carried, deny, wake, closed, judged } = some();
    for (const service of ['a', 'b', 'c']) carried(service);
    for (const service of ['a', 'c']) deny(service);
    judged.length = 0;
    assert.ok(wake('a', 'b'));
    assert.deepEqual(closed, ['a: left -']);
    assert.deepEqual(judged, ['a', 'b']);
  });

  it('that have left are not judged', () => {
    const { carried, deny, wake, closed } = some();
    carried('a').leave();
    deny('a');
    assert.ok(wake('a'));
    assert.deepEqual(closed, []);
  });

  it('that end while their far side is dialled abort the dial', async () => {
    const { enter, deny, wake } = some();
    const place = enter('a');
    const dial = place.before(
      new AbortController().signal,
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    deny('a');
    wake('a');
    await assert.rejects(dial, /left/);
    assert.equal(place.ending?.message, 'left');
  });

  it('whose client goes abort the dial too, and have no ending', async () => {
    const { enter } = some();
    const [place, client] = [enter('a'), new AbortController()];
    const dial = place.before(
      client.signal,
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
    );
    client.abort(new Error('gone'));
    await assert.rejects(dial, /gone/);
    assert.equal(place.ending, undefined);
  });

  it('that had to end before they are carried end as they are', () => {
    const { enter, deny, wake } = some();
    const place = enter('a');
    deny('a');
    wake('a');
    const endings: string[] = [];
    place.carried('a', ({ message }) => endings.push(message));
    assert.deepEqual(endings, ['left']);
  });
});

describe('ztunnel/proxy connections that wait for a policy', () => {
  const unknown: EnteringVerdict = { kind: 'unknown', missing: ['p'], message: 'p has not come' };
  const waiting = () => {
    const all = some();
    all.verdicts.set('a', unknown);
    const entering: Entering = all.to('a');
    const entered = all.connections.enter(entering);
    if (entered.kind !== 'unknown') throw new Error('it was decided');
    return { ...all, decided: entered.decided(5000) };
  };

  it('begin once it has come and lets them in', async () => {
    const { verdicts, wake, decided, clock } = waiting();
    verdicts.delete('a');
    wake('a');
    assert.equal((await decided).kind, 'place');
    assert.equal(clock.pending, 0);
  });

  it('go on waiting while another is missing', async () => {
    const { wake, decided, clock } = waiting();
    wake('a');
    await clock.advance(5000);
    assert.deepEqual(await decided, {
      kind: 'refused',
      ending: { message: 'p has not come', flags: 'DENY' },
    });
  });

  it('are refused when it denies them, and by a word that calls them new', async () => {
    const { verdicts, wake, decided, connections } = waiting();
    verdicts.set('a', { kind: 'ends', cause: 'DENIED', code: 'DENIED', message: 'p denies' });
    wake('a');
    assert.deepEqual(await decided, { kind: 'refused', ending: { message: 'p denies', flags: 'DENY' } });
    assert.equal(connections.size, 0);
  });

  it('end with the proxy', async () => {
    const { decided, connections } = waiting();
    const drained = connections.drain();
    connections.closeAll('the proxy stops');
    assert.equal((await decided).kind, 'refused');
    await drained;
  });
});

describe('ztunnel/proxy connections that are judged in slices', () => {
  /** A clock of which each look takes half of a slice. */
  class LookedAt extends FakeClock {
    #now = 0;
    override monotonic(): number {
      return (this.#now += 0.5);
    }
  }

  it('are judged 32 in a turn here, and the change is in force after the last', () => {
    const turns: (() => void)[] = [];
    const { carried, wake, judged, connections } = some(new LookedAt(), (run) => turns.push(run));
    for (let i = 0; i < 100; i++) carried('a');
    judged.length = 0;
    let done = false;
    const touched = new TouchedKeys();
    touched.left.add('a');
    connections.wake(touched, nobody, () => (done = true));
    assert.equal(judged.length, 32);
    const counts = [];
    while (turns.length > 0) {
      assert.equal(done, false);
      turns.shift()?.();
      counts.push(judged.length);
    }
    assert.deepEqual([counts, done], [[64, 96, 100], true]);
    assert.ok(wake('b'));
  });

  it('look at the clock after each that is closed', () => {
    const turns: (() => void)[] = [];
    const { carried, closed, deny, wake } = some(new LookedAt(), (run) => turns.push(run));
    for (let i = 0; i < 5; i++) carried('a');
    deny('a');
    assert.equal(wake('a'), false);
    assert.equal(closed.length, 2);
    while (turns.length > 0) turns.shift()?.();
    assert.equal(closed.length, 5);
  });

  it('that were judged by a later change meanwhile are passed over', () => {
    const turns: (() => void)[] = [];
    const { carried, judged, wake } = some(new LookedAt(), (run) => turns.push(run));
    for (let i = 0; i < 40; i++) carried('a');
    judged.length = 0;
    wake('a');
    wake('a');
    while (turns.length > 0) turns.shift()?.();
    assert.equal(judged.length, 40 + 32);
  });
});
