import { readFileSync, writeFileSync } from 'node:fs';
import { printedSchema } from './schema.ts';

// `npm run generate:schema` writes the printed schema; `npm run check:schema` holds the committed one against it.
const file = new URL('../../api/graphql/schema.graphql', import.meta.url);
if (process.argv[2] !== '--check') writeFileSync(file, printedSchema());
else if (readFileSync(file, 'utf8') !== printedSchema()) {
  console.error(
    'api/graphql/schema.graphql is not what the code says: npm run generate:schema, and look at the diff',
  );
  process.exitCode = 1;
}
