import type { PolicyRule } from '@isthmus/api/kubernetes/policy-rule.ts';

/** `{}`: it matches every connection. */
export const anything: PolicyRule = { from: undefined, to: undefined, when: [], unread: [] };

/** It matches some requests of every connection. */
export const ofRequests: PolicyRule = {
  ...anything,
  to: [{ fields: { paths: { values: ['/admin'], notValues: [] } }, unread: [] }],
};

/** It matches some requests to one port. */
export const ofRequestsToPort: PolicyRule = {
  ...ofRequests,
  when: [{ key: 'destination.port', values: ['80'], notValues: [], unread: [] }],
};
