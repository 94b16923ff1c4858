import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '@isthmus/mesh/process/write-whole.ts';
import { printedSchema } from './schema.ts';

// `npm run generate:schema` writes the printed schema; `npm run check:schema` holds the committed one against it.
const file = join(import.meta.dirname, '../../api/graphql/schema.graphql');
if (process.argv[2] !== '--check') writeWhole(file, printedSchema(), { mode: 0o644 });
else if (readFileSync(file, 'utf8') !== printedSchema()) {
  console.error(
    'api/graphql/schema.graphql is not what the code says: npm run generate:schema, and look at the diff',
  );
  process.exitCode = 1;
}
