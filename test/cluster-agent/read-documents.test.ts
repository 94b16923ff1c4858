import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseDocuments } from '@isthmus/cluster-agent/source/files/parse-documents.ts';
import {
  readDocument,
  readEach,
  type ReadDocument,
} from '@isthmus/cluster-agent/source/files/read-documents.ts';
import { readManifests } from '@isthmus/cluster-agent/source/files/read-file.ts';

const maxJson = 1_000_000;

/** All documents of a text that is parsed at once; undefined when one of them has an error. */
function readWhole(text: string): readonly ReadDocument[] | undefined {
  try {
    return parseDocuments(text).map((parsed) => readDocument(parsed, maxJson));
  } catch {
    return undefined;
  }
}

/** Pieces of YAML and JSON that begin, end and interrupt documents, also within scalars and collections. */
const piece = fc.constantFrom(
  ...[
    '---',
    '--- |',
    '--- >',
    '---\n',
    '\n',
    '\n',
    '\r\n',
    '...',
    '...\n',
    '# c',
    '%TAG ! x\n',
    '%YAML 1.2\n',
  ],
  ...['a: 1', 'b: |', '  x', ' - y', '- z', 'k:', '? ', ': ', ', ', '--- a', '---x', 'text', '|', '>'],
  ...['"q', '"', "'", '{', '}', '[', ']', '{"a":1}', ' ', '\t', '&a', '*a', '!!str', '\uFEFF'],
);

const service = (name: string, port: number) =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: shop }\nspec: { ports: [{ port: ${port} }] }\n`;

describe('documents of a file that are read one by one', () => {
  it('are those of the whole file, with their lines, where none has an error', () =>
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const each = readEach(text, new Map(), maxJson);
        if (each) assert.deepEqual(each.documents, readWhole(text), JSON.stringify(text));
      }),
      { numRuns: 5000 },
    ));

  it('are read one by one wherever the whole file has no error', () =>
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a: 1\n', '- x\n', 'k: |\n  text\n', '', '# c\n'), { maxLength: 5 }),
        (documents) => {
          const text = documents.join('---\n');
          assert.deepEqual(readEach(text, new Map(), maxJson)?.documents, readWhole(text));
        },
      ),
    ));

  it('are not read again while their texts are the same', () => {
    const text = (port: number) => [service('a', 1), service('b', port), service('c', 3)].join('---\n');
    const first = readEach(text(2), new Map(), maxJson);
    const second = readEach(`# a line more\n---\n${text(9)}`, first!.known, maxJson);
    const same = [...second!.known].filter(([digest, read]) => first!.known.get(digest) === read);
    assert.equal(
      same.length,
      1,
      'the first one begins with a line of its own now, and the second one has another port',
    );
    assert.deepEqual(
      second!.documents.map(({ line }) => line),
      [3, 8, 13],
    );
  });

  it('of JSON objects that follow one another are as well', () => {
    const text = (port: number) =>
      [1, port, 3].map((one) => JSON.stringify({ apiVersion: 'v1', kind: 'X', port: one })).join('\n');
    const first = readEach(text(2), new Map(), maxJson);
    const second = readEach(text(9), first!.known, maxJson);
    assert.equal([...second!.known].filter(([digest, read]) => first!.known.get(digest) === read).length, 2);
  });

  it('give the same contents whether they were known or not', () => {
    const text = [
      service('a', 1),
      service('a', 70_000),
      'kind: Secret\napiVersion: v1\nmetadata: { name: s }\n',
      service('a', 1),
    ].join('---\n');
    const first = readManifests(text, 'a.yaml');
    assert.ok(first.documents);
    const again = readManifests(text, 'a.yaml', first.documents);
    assert.deepEqual([...again.objects], [...first.objects]);
    assert.deepEqual(again.rejections, first.rejections);
    assert.equal(again.objects.get('Service/shop/a')?.object, first.objects.get('Service/shop/a')?.object);
  });

  it('are read as one text beside one with an error, and only that one is refused', () => {
    const contents = readManifests(`${service('a', 1)}---\nkind: [\n---\n${service('b', 2)}`, 'a.yaml');
    assert.equal(contents.documents, undefined);
    assert.ok(contents.broken);
    assert.deepEqual([...contents.objects.keys()], ['Service/shop/a', 'Service/shop/b']);
  });
});
