import assert from 'node:assert/strict';
import { readRule } from '@isthmus/api/kubernetes/read-rule.ts';

const nothing = { from: undefined, to: undefined, when: [], unread: [] };
const unreadCondition = { key: '', values: [], notValues: [], unread: ['when'] };
const shop = { fields: { namespaces: { values: ['shop'], notValues: [] } }, unread: [] };
const named = (fields: object, ...unread: string[]) => ({ fields, unread });

describe('what of a rule cannot be read is named at its place', () => {
  const source = { namespaces: ['shop'] };
  const table: Record<string, [unknown, object]> = {
    'the whole rule': [null, { ...nothing, unread: ['the rule'] }],
    'a rule that is a list': [[], { ...nothing, unread: ['the rule'] }],
    'a field that is none': [
      { form: [], from: [{ source }] },
      { ...nothing, from: [shop], unread: ['form'] },
    ],
    'clauses that are no lists': [
      { from: null, to: {}, when: 'x' },
      { ...nothing, unread: ['from', 'to', 'when'] },
    ],
    'clauses that were only begun': [
      { from: [], to: [], when: [] },
      { ...nothing, unread: ['from', 'to'] },
    ],
    'one alternative of several': [
      { from: [{ source }, null, { sorce: source }, { source, port: 1 }] },
      { ...nothing, from: [shop, named({}, 'from'), named({}, 'from'), named({}, 'from')] },
    ],
    'an alternative that says nothing': [
      { from: [{}, { source: 7 }, { source: {} }], to: [{ operation: { ports: [] } }] },
      {
        ...nothing,
        from: [named({}, 'source'), named({}, 'source'), named({}, 'source')],
        to: [named({}, 'operation')],
      },
    ],
    'one field of several': [
      { from: [{ source: { namespaces: ['shop'], ipBlocks: ['x'], zones: ['a'] } }] },
      { ...nothing, from: [{ ...shop, unread: ['ipBlocks', 'zones'] }] },
    ],
    'a field that a map has by nature is none': [
      { to: [{ operation: { constructor: ['a'] } }] },
      { ...nothing, to: [named({}, 'constructor')] },
    ],
    'a condition': [
      {
        when: [
          { key: 'source.ip', values: ['x'] },
          { key: 'source.ip', values: ['10.0.0.1'] },
        ],
      },
      {
        ...nothing,
        when: [unreadCondition, { key: 'source.ip', values: ['10.0.0.1'], notValues: [], unread: [] }],
      },
    ],
  };
  for (const [name, [raw, rule]] of Object.entries(table))
    it(name, () => assert.deepEqual(readRule(raw), rule));
});
