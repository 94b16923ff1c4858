import assert from 'node:assert/strict';
import { differences, shortened } from '../../cli/audit-diff.ts';

const policy = (rules: readonly object[], effect = 'DENY') => ({
  'accessPolicy/p': { kind: 'accessPolicy', name: 'p', effect, rules },
});
const rule = (port: number) => ({ principals: [], ports: [port] });

describe('what changed, as isthmus audit --diff shows it', () => {
  const rows: Record<string, { before: object; after: object; lines: readonly string[] }> = {
    'a share': {
      before: { 'cluster/east': { kind: 'cluster', drainPercent: 5, drainScope: 'ALL' } },
      after: { 'cluster/east': { kind: 'cluster', drainScope: 'ALL', drainPercent: 100 } },
      lines: ['~ cluster/east', '    ~ drainPercent: 5 -> 100'],
    },
    'an object that is new': {
      before: { 'accessPolicy/p': null },
      after: policy([rule(80)]),
      lines: [
        '+ accessPolicy/p',
        '    + name: p',
        '    + effect: DENY',
        '    + rules: [{"principals":[],"ports":[80]}]',
      ],
    },
    'an object that is gone': {
      before: { 'accessPolicy/p': { kind: 'accessPolicy', name: 'p' } },
      after: { 'accessPolicy/p': null },
      lines: ['- accessPolicy/p', '    - name: p'],
    },
    'a rule that was put in front': {
      before: policy([rule(80), rule(443)]),
      after: policy([rule(22), rule(80), rule(443)]),
      lines: ['~ accessPolicy/p', '    + rules: {"principals":[],"ports":[22]}'],
    },
    'one rule that is another, and one of two equal ones that is gone': {
      before: policy([rule(80), rule(443), rule(443)]),
      after: policy([rule(81), rule(443)]),
      lines: [
        '~ accessPolicy/p',
        '    - rules: {"principals":[],"ports":[80]}',
        '    - rules: {"principals":[],"ports":[443]}',
        '    + rules: {"principals":[],"ports":[81]}',
      ],
    },
    'rules in another order': {
      before: policy([rule(80), rule(443)]),
      after: policy([rule(443), rule(80)]),
      lines: ['~ accessPolicy/p', '    ~ rules: another order'],
    },
    'a field within a field, one that came and one that went': {
      before: { 'cluster/east': { network: 'a', drainedBy: { actor: 'x', reason: '' } } },
      after: { 'cluster/east': { drainedBy: { actor: 'y', reason: '' }, joinedAt: 'now' } },
      lines: ['~ cluster/east', '    - network: a', '    ~ drainedBy.actor: x -> y', '    + joinedAt: now'],
    },
    'an object that was written as it was': {
      before: policy([rule(80)]),
      after: policy([rule(80)]),
      lines: [],
    },
    'a state that was too large for the log': {
      before: { 'accessPolicy/p': 'sha256:a of 1 bytes', '…': 'sha256:b' },
      after: { 'accessPolicy/p': 'sha256:c of 1 bytes', '…': 'sha256:b' },
      lines: ['~ accessPolicy/p', '    ~ value: sha256:a of 1 bytes -> sha256:c of 1 bytes'],
    },
    'text that would begin a line': {
      before: { 'cluster/east': { reason: '' } },
      after: { 'cluster/east': { reason: 'a\n- forged' } },
      lines: ['~ cluster/east', '    ~ reason: "" -> a\\n- forged'],
    },
  };
  for (const [what, { before, after, lines }] of Object.entries(rows))
    it(`is ${what}`, () =>
      assert.deepEqual(
        differences(before as Record<string, unknown>, after as Record<string, unknown>),
        lines,
      ));

  it('has long values shortened, and says by how much', () => {
    assert.equal(shortened('abcd', 4), 'abcd');
    assert.equal(shortened('abcde', 4), 'abcd… (1 characters more: -o json)');
  });
});
