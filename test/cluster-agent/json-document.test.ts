import assert from 'node:assert/strict';
import fc from 'fast-check';
import { jsonDocument } from '@isthmus/cluster-agent/source/files/json-document.ts';
import { parseDocuments } from '@isthmus/cluster-agent/source/files/parse-documents.ts';
import { plainValue } from '@isthmus/cluster-agent/source/files/plain-value.ts';

/** What the parser of YAML reads, as text: objects without a prototype, and the order of keys, count. */
function byParser(text: string) {
  const documents = parseDocuments(text);
  const [first] = documents;
  assert.ok(first && documents.length === 1, `${documents.length} documents`);
  const { value, overridden, hasTwice } = plainValue(first.document, 1_000_000);
  return { json: JSON.stringify(value), overridden, hasTwice, line: first.line };
}

/** Whatever is read without the parser is what the parser reads. */
function assertSame(text: string): void {
  const found = jsonDocument(text);
  if (!found) return;
  const { value, line } = found;
  const expected = { json: JSON.stringify(value), overridden: [], hasTwice: false, line };
  let parsed: ReturnType<typeof byParser>;
  try {
    parsed = byParser(text);
  } catch (error) {
    throw new Error(`the parser refuses ${JSON.stringify(text)}`, { cause: error });
  }
  assert.deepEqual(parsed, expected, JSON.stringify(text));
}

const texts = fc.oneof(
  fc.string(),
  fc.constantFrom(
    'a',
    'yes',
    '010',
    '1e3',
    '<<',
    '__proto__',
    'null',
    '~',
    '',
    '-',
    '- x',
    'a: b',
    'a #b',
    '"',
  ),
);
/** Maps, as manifests are. */
const values = fc.dictionary(
  texts,
  fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.oneof(texts, fc.integer(), fc.double(), fc.boolean(), fc.constant(null)),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(texts, tie('value'), { maxKeys: 4 }),
    ),
  })).value,
);
const spaces = fc.constantFrom('', ' ', '\n', '\r\n', '   ', '\t', '\r');

describe('a JSON document is read as the parser of YAML reads it', () => {
  it('whatever it says, however it is laid out, and behind the end of another', () =>
    fc.assert(
      fc.property(
        values,
        fc.nat(4),
        fc.constantFrom('', '---\n', '--- ', '\n\n', '---\r\n', '\uFEFF'),
        spaces,
        (value, indent, before, after) => {
          assertSame(`${before}${JSON.stringify(value, null, indent)}${after}`);
        },
      ),
      { numRuns: 2000 },
    ));

  it('with white space anywhere between its tokens', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.constantFrom(
              '{',
              '}',
              '[',
              ']',
              ',',
              ':',
              '"a"',
              '"b"',
              '"a\\u00e9"',
              '-0',
              '1E5',
              'true',
              'null',
              '"\\/"',
              '{"a":',
              '"b":1',
            ),
            spaces,
          ),
          { maxLength: 10 },
        ),
        (tokens) => {
          assertSame(`{"x":${tokens.flat().join('')}}`);
        },
      ),
      { numRuns: 5000 },
    ));

  it('with maps that have no prototype, at every depth', () => {
    const found = jsonDocument('{"a":{"b":[{"c":{}}]},"__proto__":{"d":1}}');
    assert.ok(found);
    let maps = 0;
    for (const left: unknown[] = [found.value]; left.length > 0;) {
      const one = left.pop();
      if (typeof one !== 'object' || one === null) continue;
      if (!Array.isArray(one)) assert.equal(Object.getPrototypeOf(one), null, `map ${++maps}`);
      left.push(...(Object.values(one) as unknown[]));
    }
    assert.equal(maps, 5);
  });

  const known: Record<string, [text: string, isRead: boolean]> = {
    'an object on one line': ['---\n{"kind":"Pod","spec":{"a":[1,{"b":null}]}}\n', true],
    'an object over several lines': ['{\n  "kind": "Pod"\n}\n', true],
    'a key that is there twice': ['{"a":1,"b":{"c":1,"c":2}}', false],
    'text that looks like a key': ['{"a":"\\"b\\": 1","c":":"}', true],
    'YAML in braces': ['{a: 1}', false],
    'a key with an escape': ['{"a":{"\\"":1}}', false],
    'text behind it': ['{"a":1} # c', false],
    'a list': ['[{"a":1}]', false],
    'as deep as may be': [`{"a":${'['.repeat(198)}1${']'.repeat(198)}}`, true],
    'deeper than may be': [`{"a":${'['.repeat(200)}1${']'.repeat(200)}}`, false],
  };
  for (const [what, [text, isRead]] of Object.entries(known))
    it(`${isRead ? 'reads' : 'leaves to the parser'}: ${what}`, () => {
      assertSame(text);
      assert.equal(jsonDocument(text) !== undefined, isRead);
    });
});
