import type { Bench } from '../bench.ts';
import { emptyGroup, kubeGroup } from './rows.ts';

/** `npm run bench:agent`. */
export const bench: Bench = {
  table: {
    marker: 'bench:agent',
    columns: ['row', 'measure', 'measured', 'committed', 'istiod', 'goal'],
  },
  about: 'what an agent costs on a real API server, beside istiod',
  groups: [emptyGroup, kubeGroup],
  sizes: ['pods', 'services', 'clients'],
};
