import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const [terms = '', words = ''] = read('docs/glossary.md').split('## Words that are not used');
const rows = (table: string): readonly (readonly string[])[] =>
  [...table.matchAll(/^\| (.*) \|$/gm)].map(([, row = '']) => row.split(' | '));

describe('docs/glossary.md', () => {
  const homes = rows(terms).flatMap(([term = '', , home = '']) => {
    const found = /^(?:`(?<name>[A-Za-z]+)` in )?`(?<path>[^`]+)`$/.exec(home)?.groups;
    return found ? [{ term, name: found['name'], path: found['path'] ?? '' }] : [];
  });

  it('says of each term where it is defined', () => {
    const defined = rows(terms).filter(([term]) => term !== 'term' && term !== '---');
    assert.deepEqual(
      homes.map(({ term }) => term),
      defined.map(([term]) => term),
    );
    assert.ok(homes.length >= 40);
  });

  it('has each term once', () => {
    const all = homes.map(({ term }) => term);
    assert.deepEqual(
      all.filter((term, i) => all.indexOf(term) !== i),
      [],
    );
  });

  for (const { term, name, path } of homes)
    it(`${term} is defined in ${path}`, () => {
      assert.ok(existsSync(join(root, path)), `there is no ${path}`);
      if (name === undefined) return;
      const definition = new RegExp(
        `export (abstract )?(class|interface|type|const|function) ${name}\\b|^  ${name}\\(`,
        'm',
      );
      assert.match(read(path), definition, `${path} does not define ${name}`);
    });

  const unused = rows(words)
    .filter(([not]) => not !== 'not' && not !== '---')
    .flatMap(([not = '']) => not.split(', '));

  it('lists words that are not used', () => assert.ok(unused.length >= 6));

  const documents = [
    ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/*.md', 'docs/*.yaml'],
    ...['api/proto/isthmus/*.proto', 'api/graphql/*.graphql', 'sandbox/**/*.yaml'],
  ].flatMap((pattern) => globSync(pattern, { cwd: root }));

  for (const path of documents)
    it(`${path} uses none of them`, () => {
      const text = path === 'docs/glossary.md' ? terms : read(path);
      const pattern = new RegExp(`(?<![\\w'])(${unused.join('|')})(?!\\w)`, 'gi');
      assert.deepEqual(text.replaceAll('’', "'").match(pattern) ?? [], []);
    });
});
