import type { Step } from './context.ts';
import { joined } from './steps/1-joined.ts';
import { identities } from './steps/2-identities.ts';
import { nothingCrosses } from './steps/3-nothing-crosses.ts';
import { denied } from './steps/4-denied.ts';
import { failover } from './steps/7-failover.ts';

/** In the order in which they are told; a later one may rest on what an earlier one left. */
export const steps: readonly Step[] = [joined, identities, nothingCrosses, denied, failover];
