import { assertValidSchema } from 'graphql';
import { apiSchema } from './schema.ts';

// `npm run check:schema`: the committed schema is valid, and every operation in it is answered by a resolver.
const schema = apiSchema();
assertValidSchema(schema);
const unanswered = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
  Object.values(type?.getFields() ?? {})
    .filter(({ resolve }) => !resolve)
    .map(({ name }) => name),
);
if (unanswered.length > 0) {
  console.error(`no resolver answers ${unanswered.join(', ')}`);
  process.exitCode = 1;
}
