import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { auditBody, maxBytes } from '@isthmus/federation/command/audit-body.ts';
import { fit } from '@isthmus/federation/command/fit.ts';
import { redaction, textRedaction } from '@isthmus/federation/command/redact.ts';

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex');
const redact = redaction(textRedaction([]));
const bodyOf = (input: unknown) => auditBody({ input, reason: '' }, redact);

describe('what of a value has room in an entry of the audit log', () => {
  it('is all of it one byte below the limit and at the limit, and not one byte above', () => {
    const sized = (bytes: number) => ({ name: 'x'.repeat(bytes - bytesOf({ name: '' })) });
    for (const bytes of [maxBytes.input - 1, maxBytes.input]) {
      assert.deepEqual(bodyOf(sized(bytes)).input, sized(bytes));
      assert.deepEqual(bodyOf(sized(bytes)).omitted, []);
    }
    const { input, omitted } = bodyOf(sized(maxBytes.input + 1));
    const { name } = sized(maxBytes.input + 1);
    const sha256 = hashOf(name);
    assert.deepEqual(omitted, [{ path: 'input.name', bytes: bytesOf(name), sha256 }]);
    assert.deepEqual(input, { name: `sha256:${sha256} of ${bytesOf(name)} bytes that are left out` });
  });

  it('is the small fields and the first of a long list, and the rest is named with its size and hash', () => {
    const rules = Array.from({ length: 300 }, (_, i) => ({ ports: [i], principals: ['x'.repeat(100)] }));
    const input = { policy: { access: { name: 'p', effect: 'DENY', rules } }, dryRun: false };
    const { value, omitted } = fit(input, 10_000, 'input');
    const kept = value as typeof input;
    const shown = kept.policy.access.rules.length - 1;
    assert.ok(shown > 50 && shown < 100, `${shown} rules`);
    assert.deepEqual(kept.policy.access.rules.slice(0, shown), rules.slice(0, shown));
    assert.deepEqual([kept.dryRun, kept.policy.access.name], [false, 'p']);
    const rest = rules.slice(shown);
    assert.deepEqual(omitted, [
      { path: `input.policy.access.rules.${shown}-299`, bytes: bytesOf(rest), sha256: hashOf(rest) },
    ]);
    assert.match(JSON.stringify(kept.policy.access.rules.at(-1)), new RegExp(hashOf(rest)));
  });

  it('never takes more than its room, and what is left out is named', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.integer({ min: 200, max: 2000 }), (given, room) => {
        const json = JSON.parse(JSON.stringify([given, 'x'.repeat(300), { a: given }])) as unknown;
        const { value, omitted } = fit(json, room, 'input');
        assert.ok(bytesOf(value) <= room);
        assert.equal(omitted.length > 0, bytesOf(json) > room);
      }),
    );
  });

  it('is bounded for a list of errors, long texts and many objects', () => {
    const error = {
      code: 'INVALID',
      field: Array<string>(99).fill('f'.repeat(999)),
      message: 'm'.repeat(9999),
    };
    const errors = Array<typeof error>(10_000).fill(error);
    const writes = Array.from({ length: 5000 }, (_, i) => ({
      remove: 'cluster' as const,
      id: `${'c'.repeat(60)}${i}`,
      expected: 0,
    }));
    const body = auditBody(
      { input: 'x'.repeat(300_000), reason: 'r'.repeat(300_000), errors, writes },
      redact,
    );
    assert.ok(bytesOf(body) < maxBytes.input + 2 * maxBytes.state + maxBytes.errors + 2 * maxBytes.reason);
    assert.ok(body.errors.length > 0);
    assert.match(body.reason, /^r{1024}… \(298976 characters more\)$/);
  });
});
