import { deepEqual, equal } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandsOf } from '../cluster/document.ts';

const texts = (markdown: string) => commandsOf(markdown).map(({ cluster, text }) => [cluster, text]);

describe('commands of a document', () => {
  it('are those of blocks that name a cluster', () => {
    deepEqual(texts('```\na\n```\nb\n```sh east\nc\n```\n```sh west\nd\n\n# e\n```\n'), [
      ['east', 'c'],
      ['west', 'd'],
    ]);
  });

  it('go on behind a backslash, and to the end of a here document', () => {
    deepEqual(texts("```sh east\na \\\n  b\ncat <<EOF | c\nd\n\nEOF\ne <<'X'\nX\nf\n```\n"), [
      ['east', 'a \\\n  b'],
      ['east', 'cat <<EOF | c\nd\n\nEOF'],
      ['east', "e <<'X'\nX"],
      ['east', 'f'],
    ]);
  });

  it('say on which line they begin', () => {
    equal(commandsOf('x\n```sh east\n\na \\\nb\n```\n')[0]?.line, 4);
  });

  it('are, in docs/install.md, for one of its two clusters', () => {
    const document = readFileSync(join(import.meta.dirname, '../../docs/install.md'), 'utf8');
    const clusters = new Set(commandsOf(document).map(({ cluster }) => cluster));
    for (const cluster of clusters) equal(['east', 'west'].includes(cluster), true, cluster);
  });
});
