import assert from 'node:assert/strict';
import { Questions } from '../../federation/link/questions.ts';
import { clusterState } from '@isthmus/federation/conditions/cluster-state.ts';
import { emptyRecord } from '../../federation/observation/record-steps.ts';
import { FakeClock } from '../fakes/clock.ts';
import { aMember } from '../fakes/federation.ts';

interface Asked {
  readonly id: string;
  readonly deadlineMillis: number;
}

describe('federation/link: questions to one agent', () => {
  const world = () => {
    const clock = new FakeClock();
    const sent: Asked[] = [];
    let ids = 0;
    const questions = new Questions<Asked, string>(
      clock,
      () => `q${++ids}`,
      (one) => sent.push(one),
    );
    const ask = () => questions.ask((id, deadlineMillis) => ({ id, deadlineMillis }));
    return { clock, sent, questions, ask };
  };

  it('are answered each by its own reply, in whatever order', async () => {
    const { questions, ask } = world();
    const [one, two, three] = [ask(), ask(), ask()];
    questions.answer('q2', 'b');
    questions.answer('q1', 'a');
    questions.refuse('q3', 'no such thing');
    assert.deepEqual(await Promise.all([one, two]), ['a', 'b']);
    await assert.rejects(three, { code: 'AGENT_REFUSED' });
  });

  it('are 64 at once: the next is refused, and one that is answered makes room', async () => {
    const { questions, ask } = world();
    const open = Array.from({ length: 64 }, ask);
    await assert.rejects(ask(), { code: 'CLUSTER_BUSY' });
    questions.answer('q1', 'a');
    assert.equal(await open[0], 'a');
    open.push(ask());
    questions.end();
    const ends = await Promise.allSettled(open.slice(1));
    assert.ok(ends.every((one) => one.status === 'rejected' && String(one.reason).includes('has ended')));
  });

  it('end by their deadline, and a reply that comes later is dropped', async () => {
    const { clock, sent, questions, ask } = world();
    const late = ask();
    const ended = assert.rejects(late, { code: 'CLUSTER_SILENT' });
    await clock.advance(sent[0]!.deadlineMillis);
    await ended;
    questions.answer('q1', 'too late');
    assert.equal(clock.pending, 0);
  });
});

describe('federation/state: the one word for a cluster', () => {
  const here = { ...emptyRecord('east', 0), link: { kind: 'CONNECTED' as const }, synced: true };
  const cases: Record<string, [string, Parameters<typeof clusterState>]> = {
    'revoked, whatever else': [
      'REVOKED',
      [aMember('east', { admission: 'REVOKED', drainPercent: 100 }), here],
    ],
    'not joined yet': ['PENDING', [aMember('east', { admission: 'PENDING' }), undefined]],
    'never heard of': ['UNREACHABLE', [aMember('east'), undefined]],
    'away and drained': ['UNREACHABLE', [aMember('east', { drainPercent: 100 }), emptyRecord('east', 0)]],
    drained: ['DRAINED', [aMember('east', { drainPercent: 100 }), here]],
    'drained in part': ['DRAINING', [aMember('east', { drainPercent: 30 }), here]],
    'drained and not synced': [
      'DRAINED',
      [aMember('east', { drainPercent: 100 }), { ...here, synced: false }],
    ],
    'here and not synced': ['PENDING', [aMember('east'), { ...here, synced: false }]],
    here: ['ACTIVE', [aMember('east'), here]],
  };
  for (const [what, [state, given]] of Object.entries(cases))
    it(`${what}: ${state}`, () => assert.equal(clusterState(...given), state));
});
