import assert from 'node:assert/strict';
import { areSameConditions, type Condition } from '@isthmus/api/domain/condition.ts';

const condition: Condition = {
  type: 'Captured',
  status: 'False',
  reason: 'PORT_NOT_CAPTURABLE',
  severity: 'WARNING',
  object: 'Pod shop/cart-1',
  message: 'its port cannot be bound',
  remedy: 'use another port',
};
const others: { readonly [Field in keyof Condition]: Condition[Field] } = {
  type: 'Ready',
  status: 'True',
  reason: 'PORT_IN_USE',
  severity: 'ERROR',
  object: '',
  message: '',
  remedy: '',
};

describe('two lists of conditions', () => {
  it('are the same when they say the same in the same order', () => {
    const other = { ...condition, object: 'Pod shop/cart-2' };
    assert.ok(areSameConditions([condition, other], [{ ...condition }, { ...other }]));
    assert.ok(!areSameConditions([condition, other], [other, condition]));
    assert.ok(!areSameConditions([condition], [condition, other]));
    assert.ok(!areSameConditions([condition, other], [condition]));
  });

  for (const [field, value] of Object.entries(others))
    it(`differ by the ${field} of one alone`, () => {
      assert.ok(!areSameConditions([condition], [{ ...condition, [field]: value }]));
    });
});
