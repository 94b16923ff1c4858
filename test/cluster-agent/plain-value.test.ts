import assert from 'node:assert/strict';
import { parseDocuments } from '@isthmus/cluster-agent/source/files/parse-documents.ts';
import { plainValue } from '@isthmus/cluster-agent/source/files/plain-value.ts';

const read = (text: string, maxSize = 10_000): unknown => {
  const [first] = parseDocuments(text);
  assert.ok(first);
  // Objects without a prototype are compared by what they hold.
  return JSON.parse(JSON.stringify(plainValue(first.document, maxSize).value));
};
const overridden = (text: string) => {
  const [first] = parseDocuments(text);
  assert.ok(first);
  return plainValue(first.document, 10_000).overridden;
};

/** The values are those of sigs.k8s.io/yaml 1.6.0, which kubectl reads manifests with, but for y and n. */
describe('a YAML document means what it means to kubectl', () => {
  const scalars: Record<string, unknown> = {
    yes: true,
    on: true,
    True: true,
    TRUE: true,
    off: false,
    No: false,
    y: 'y',
    n: 'n',
    tRUE: 'tRUE',
    '"yes"': 'yes',
    "'on'": 'on',
    '!!str yes': 'yes',
    '!!str 5': '5',
    "!!int '5'": 5,
    '010': 8,
    '0o10': 8,
    '0b11': 3,
    '0x1F': 31,
    '08': 8,
    '1_000': 1000,
    '-010': -8,
    '+1': 1,
    '-0': 0,
    '1e3': 1000,
    '.5': 0.5,
    '1.': 1,
    '1.0': 1,
    '12:30:45': '12:30:45',
    '1.2.3.4': '1.2.3.4',
    '2001-12-14': '2001-12-14',
    '2026-01-01T00:00:00Z': '2026-01-01T00:00:00Z',
    '~': null,
    '': null,
    NULL: null,
    null: null,
    '!foo bar': 'bar',
    '!!binary aGVsbG8=': 'hello',
    '[1, yes, a]': [1, true, 'a'],
    '{a: ~}': { a: null },
    '!!set {b}': { b: null },
    '|-\n  1': '1',
  };
  for (const [text, value] of Object.entries(scalars))
    it(`a: ${JSON.stringify(text)}`, () => assert.deepEqual(read(`a: ${text}`), { a: value }));

  const keys: Record<string, string> = { yes: 'true', '010': '8', '1.5': '1.5', '"yes"': 'yes' };
  for (const [text, key] of Object.entries(keys))
    it(`the key ${text}`, () => assert.deepEqual(read(`${text}: x`), { [key]: 'x' }));

  const refused: Record<string, RegExp> = {
    'a: .inf': /\.inf is not a number/,
    'null: x': /null cannot be a key/,
    '{a: 1}: x': /a list or a map cannot be a key/,
    '<<: 3': /a merge key << takes a map, or a list of maps/,
    '<<: [1]': /a merge key << takes a map/,
    '<<:': /a merge key << takes a map/,
    'a: &a [{b: 1}]\nc: {<<: *a}': /a merge key << takes a map/,
    'a: *b': /unknown anchor "b"/i,
    'a: &a\n  b: *a': /the anchor "a" contains itself/,
    'a: &a\n  <<: *a': /the anchor "a" contains itself/,
    'a: !!int x': /"x" is not a number/,
    [`a: ${'['.repeat(201)}${']'.repeat(201)}`]: /nested more than 200 levels deep/,
  };
  for (const [text, problem] of Object.entries(refused))
    it(`refuses ${text.slice(0, 30)}`, () => assert.throws(() => read(text), problem));

  it('reads 200 levels', () => {
    assert.ok(read(`a: ${'['.repeat(199)}${']'.repeat(199)}`));
  });
});

describe('a merge key', () => {
  const base = 'm: &m {a: 1, b: 2}\nk: &k {a: 5, c: 6}\n';
  const merged: Record<string, [string, unknown]> = {
    'yields to what stands after it': ['{<<: *m, a: 3}', { a: 3, b: 2 }],
    'sets what stands before it': ['{a: 3, <<: *m}', { a: 1, b: 2 }],
    'of a list lets the earlier map win': ['{<<: [*m, *k]}', { a: 1, b: 2, c: 6 }],
    'may be there twice, and the later wins': ['\n  <<: *m\n  <<: *k', { a: 5, b: 2, c: 6 }],
    'takes a map that is written in place': ['{<<: {x: 1}, z: 2}', { x: 1, z: 2 }],
    'takes an empty list': ['{<<: [], z: 2}', { z: 2 }],
    'merges maps that have merge keys': ['{<<: {<<: *k, a: 7}}', { a: 7, c: 6 }],
    'works in a list': [
      '[{<<: *m, a: 3}, *k]',
      [
        { a: 3, b: 2 },
        { a: 5, c: 6 },
      ],
    ],
    'works in nested maps, each for itself': [
      '{p: {<<: *m}, q: {<<: *k}}',
      { p: { a: 1, b: 2 }, q: { a: 5, c: 6 } },
    ],
    'does not merge what is deeper': ['{<<: {p: {a: 1}}, p: {b: 2}}', { p: { b: 2 } }],
    'is an ordinary key when it is quoted': ['{"<<": {x: 1}}', { '<<': { x: 1 } }],
    'has a tag': ['{!!merge "<<": {x: 1}}', { x: 1 }],
  };
  for (const [what, [text, value]] of Object.entries(merged))
    it(what, () => assert.deepEqual((read(`${base}v: ${text}`) as { v: unknown }).v, value));

  it('stands at the top of a document', () => {
    assert.deepEqual(read('<<: {kind: List}\na: b'), { kind: 'List', a: 'b' });
  });

  it('an alias means the last anchor of its name before it', () => {
    assert.deepEqual(read('a: &x 1\nb: *x\nc: &x 2\nd: *x'), { a: 1, b: 1, c: 2, d: 2 });
  });

  it('that overrides a key written before it is reported, and no other', () => {
    assert.deepEqual(overridden(`${base}v: {a: 3, <<: *m}`), ['a']);
    assert.deepEqual(overridden(`${base}v: {a: 1, <<: *m}`), [], 'the value is the same');
    assert.deepEqual(overridden(`${base}v: {<<: *m, a: 3}`), []);
  });

  it('reaches no prototype', () => {
    read('a: &a {__proto__: {polluted: yes}, constructor: {prototype: {polluted: yes}}}\nb: {<<: *a}');
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });
});

describe('what aliases and merge keys add is bounded', () => {
  const limit = 1000;
  /** A string whose JSON has `size` characters, three times: once as it is, and twice more by aliases. */
  const aliased = (size: number) => `a: &a "${'x'.repeat(size - 2)}"\nb: *a\nc: *a`;
  it('one below the limit and at it is read, one above is refused with the limit and the remedy', () => {
    for (const size of [limit / 2 - 1, limit / 2]) assert.ok(read(aliased(size), limit));
    assert.throws(() => read(aliased(limit / 2 + 1), limit), /larger than 1000 bytes: write it out/);
  });

  const levels = (one: (level: number) => string, count: number) =>
    Array.from({ length: count }, (_, i) => one(i + 1)).join('\n');
  const ten = (text: string) => Array.from({ length: 10 }, () => text).join(', ');
  const bombs: Record<string, string> = {
    'of aliases': `l0: &l0 [x]\n${levels((i) => `l${i}: &l${i} [${ten(`*l${i - 1}`)}]`, 10)}`,
    'of merge keys': `l0: &l0 {a: x}\n${levels((i) => `l${i}: &l${i} {<<: [${ten(`*l${i - 1}`)}], k${i}: ${ten('x').replaceAll(', ', '')}}`, 200)}`,
    'of a large map that is merged very often': `m: &m {${Array.from({ length: 2000 }, (_, i) => `k${i}: v`).join(', ')}}\n${levels((i) => `x${i}: {<<: *m}`, 5000)}`,
    'of a long text': `a: &a ${'x'.repeat(50_000)}\nb: [${Array.from({ length: 50_000 }, () => '*a').join(', ')}]`,
  };
  for (const [what, text] of Object.entries(bombs))
    it(`a bomb ${what} is refused before it is built`, () => {
      const heap = process.memoryUsage().heapUsed;
      assert.throws(() => read(text, 2 * 1024 * 1024), /larger than 2097152 bytes/);
      assert.ok(process.memoryUsage().heapUsed - heap < 256 * 1024 * 1024);
    });
});

describe('a file of JSON', () => {
  const values = (text: string) =>
    parseDocuments(text).map(({ document, line }) => [
      line,
      JSON.parse(JSON.stringify(plainValue(document, 10_000).value)) as unknown,
    ]);

  it('is read with tabs, escapes and any scalar', () => {
    const value = { a: '\u00e9\ud83d\ude00\t"\\/', b: [1, -2.5e3, true, null, {}], c: { d: '' } };
    assert.deepEqual(values(JSON.stringify(value, undefined, '\t')), [[1, value]]);
    assert.deepEqual(values('{"a": "\\ud83d\\ude00\\/\\u0041"}'), [[1, { a: '😀/A' }]]);
  });

  it('holds several objects, one after the other, with their lines', () => {
    assert.deepEqual(values('{"a": 1}{"b": "}{"}\n\n{\n"c": [{}]}\n'), [
      [1, { a: 1 }],
      [1, { b: '}{' }],
      [3, { c: [{}] }],
    ]);
  });

  it('notes a key that is there twice', () => {
    for (const [text, twice] of Object.entries({
      '{"a": 1, "a": 2}': true,
      '{"a": 1, "b": {"a": 2}}': false,
    })) {
      const [first] = parseDocuments(text);
      assert.ok(first);
      assert.equal(plainValue(first.document, 10_000).hasTwice, twice);
    }
  });

  it('that is YAML in flow style is YAML', () => {
    assert.deepEqual(values('{a: 1}\n---\n{b: 2}'), [
      [1, { a: 1 }],
      [3, { b: 2 }],
    ]);
  });
});
