import { runBench } from './bench.ts';
import { groups, table } from './groups.ts';
import { allSizes } from './sizes.ts';

// `npm run bench:size`: what size costs, beside what was committed and what is wanted.
await runBench({ table, groups, about: 'what size costs, beside what was committed', sizes: allSizes });
