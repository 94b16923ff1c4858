import type { Step } from './context.ts';
import { joined } from './steps/1-joined.ts';
import { identities } from './steps/2-identities.ts';
import { nothingCrosses } from './steps/3-nothing-crosses.ts';
import { denied } from './steps/4-denied.ts';
import { strangers } from './steps/5-strangers.ts';
import { noRelay } from './steps/6-no-relay.ts';
import { failover } from './steps/7-failover.ts';
import { revoked } from './steps/8-revoked.ts';
import { hubAway } from './steps/9-hub-away.ts';

/** In the order in which they run; a later one may depend on what an earlier one left. */
export const steps: readonly Step[] = [
  joined,
  identities,
  nothingCrosses,
  denied,
  strangers,
  noRelay,
  failover,
  revoked,
  hubAway,
];
