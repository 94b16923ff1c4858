import { readFileSync } from 'node:fs';

// Refuses the words that docs/glossary.md lists as not used, in identifiers, comments and texts.

const [, table = ''] = readFileSync(new URL('docs/glossary.md', import.meta.url), 'utf8').split(
  '## Words that are not used',
);
/** What to write, by the word that is not used. */
const instead = new Map(
  [...table.matchAll(/^\| ([^|-][^|]*) \| ([^|]+) \|$/gm)]
    .slice(1)
    .flatMap(([, words, write]) => words.split(', ').map((word) => [word.trim(), write.trim()])),
);
const unused = new RegExp(`(?<![\\w'’])(${[...instead.keys()].join('|')})(?![\\w])`, 'i');

const wordsOf = (identifier) =>
  identifier.split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])/).map((word) => word.toLowerCase());

/** @type {import('eslint').Rule.RuleModule} */
const words = {
  meta: {
    type: 'suggestion',
    schema: [],
    messages: { unused: "'{{word}}' is not used here: write {{write}} (docs/glossary.md)" },
  },
  create(context) {
    const report = (loc, word) =>
      context.report({
        loc,
        messageId: 'unused',
        data: { word, write: instead.get(word.toLowerCase()) ?? '' },
      });
    const text = (loc, value) => {
      const found = unused.exec(value.replaceAll('’', "'"));
      if (found) report(loc, found[1]);
    };
    const identifier = ({ loc, name }) => {
      const found = wordsOf(name).find((word) => instead.has(word));
      if (found) report(loc, found);
    };
    return {
      Program() {
        for (const { loc, value } of context.sourceCode.getAllComments()) text(loc, value);
      },
      Identifier: identifier,
      PrivateIdentifier: identifier,
      Literal({ loc, value }) {
        if (typeof value === 'string') text(loc, value);
      },
      TemplateElement({ loc, value }) {
        text(loc, value.raw);
      },
    };
  },
};

export const vocabulary = { rules: { words } };
