import assert from 'node:assert/strict';
import { Attempts, countedTogether, ownEntries } from '@isthmus/federation/command/attempts.ts';
import { redaction, textRedaction } from '@isthmus/federation/command/redact.ts';
import { emptyBody } from '@isthmus/federation/store/audit.ts';
import { memoryStore } from '@isthmus/federation/store/memory.ts';
import { FakeClock } from '../../fakes/clock.ts';

const text = textRedaction(['canary']);

describe('attempts in the audit log', () => {
  const make = () => {
    const clock = new FakeClock();
    const store = memoryStore();
    const attempts = new Attempts({ store, clock, text, redact: redaction(text) });
    const error = { code: 'UNAUTHENTICATED', field: [], message: 'no token' };
    return {
      clock,
      store,
      attempts,
      deny: (actor: string, over = {}) => attempts.deny({ actor, action: 'authenticate', error, ...over }),
      refuse: (over = {}) =>
        attempts.record({
          actor: 'admin',
          action: 'test',
          subject: 's',
          code: 'INVALID',
          outcome: 'REFUSED',
          body: { ...emptyBody, input: { name: 'p' } },
          ...over,
        }),
      entries: async () => (await store.audit({ limit: 1000 })).records,
    };
  };

  it('that are equal within ten minutes are one entry that counts them, and a new one after', async () => {
    const { clock, refuse, attempts, entries } = make();
    const start = clock.now();
    refuse();
    await clock.advance(countedTogether - 1);
    refuse();
    attempts.flush();
    const [one, ...others] = await entries();
    assert.deepEqual([one?.count, one?.at, one?.lastAt], [2, start, start + countedTogether - 1]);
    assert.deepEqual(others, []);
    await clock.advance(1);
    refuse();
    assert.deepEqual(
      (await entries()).map(({ count }) => count),
      [1, 2],
    );
  });

  it('that differ in anything have entries of their own', async () => {
    const { refuse, entries } = make();
    refuse();
    refuse({ actor: 'eve' });
    refuse({ subject: 't' });
    refuse({ outcome: 'DRY_RUN', code: '' });
    refuse({ body: { ...emptyBody, input: { name: 'q' } } });
    assert.equal((await entries()).length, 5);
  });

  it('are written down within a second, and a flood of them once a second', async () => {
    const { clock, store, deny, entries } = make();
    let written = 0;
    const recount = store.recount.bind(store);
    store.recount = (...again) => {
      written++;
      recount(...again);
    };
    for (let i = 0; i < 5000; i++) deny('192.0.2.1');
    await clock.advance(1000);
    assert.deepEqual([written, (await entries())[0]?.count], [1, 5000]);
  });

  it('of denied callers beyond a hundred addresses share one entry', async () => {
    const { deny, attempts, entries } = make();
    for (let i = 0; i < ownEntries; i++) deny(`192.0.2.${i}`);
    assert.equal((await entries()).length, ownEntries);
    for (let i = 0; i < 500; i++) deny(`198.51.100.${i}`, { subject: `cluster/${i}`, input: { i } });
    deny('192.0.2.0');
    attempts.flush();
    const all = await entries();
    assert.equal(all.length, ownEntries + 1);
    const [shared] = all;
    assert.deepEqual([shared?.actor, shared?.subject, shared?.input, shared?.count], ['*', '', null, 500]);
    assert.equal(all.at(-1)?.count, 2);
  });

  it('that are malformed have an entry each up to a hundred, and beyond share one by action', async () => {
    const { attempts, entries } = make();
    const malformed = (i: number, action = 'drainCluster') => {
      const errors = [{ code: 'GRAPHQL_VALIDATION_FAILED', field: [], message: 'no' }];
      attempts.refuseMalformed({ actor: 'admin', action, errors, input: { i }, reason: '' });
    };
    for (const [times, kept] of [
      [ownEntries - 1, ownEntries - 1],
      [ownEntries, ownEntries],
      [ownEntries + 1, ownEntries + 1],
      [ownEntries + 500, ownEntries + 1],
    ] as const) {
      for (let i = 0; i < times; i++) malformed(i);
      assert.equal((await entries()).length, kept);
    }
    malformed(9999, 'applyPolicy');
    attempts.flush();
    const [other, shared, ...own] = await entries();
    assert.deepEqual([other?.action, shared?.action], ['applyPolicy', 'drainCluster']);
    assert.deepEqual([shared?.actor, shared?.input, shared?.count], ['*', null, 501]);
    assert.deepEqual([own.at(-1)?.input, own.at(-1)?.count], [{ i: 0 }, 4]);
  });

  it('of denied callers are equal whatever they say, and have no secret and no long text', async () => {
    const { deny, attempts, entries } = make();
    deny('192.0.2.1', {
      subject: `cluster/canary${'x'.repeat(999)}`,
      input: { secret: 'guess', name: 'canary' },
    });
    deny('192.0.2.1', { subject: 'cluster/b', input: { secret: 'another' } });
    attempts.flush();
    const [one, ...others] = await entries();
    assert.deepEqual([one?.count, others], [2, []]);
    assert.ok((one?.subject.length ?? 0) < 340);
    assert.doesNotMatch(JSON.stringify(one), /canary|guess|another/);
  });
});
