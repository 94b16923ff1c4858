import type { Access } from '@isthmus/api/kube/access.ts';

const core = { group: '', version: 'v1', isNamespaced: true };

/**
 * What the hub may do with the API of its cluster. Names are those that charts/isthmus-hub gives: the role holds the hub to
 * one Service, whose addresses agents dial, and to one Secret, its admin token.
 */
export const hubAccess: readonly Access[] = [
  {
    resource: { ...core, kind: 'Service', plural: 'services' },
    verbs: ['list', 'watch'],
    namespaces: 'OWN',
    names: ['isthmus-hub-link'],
  },
  {
    resource: { ...core, kind: 'Secret', plural: 'secrets' },
    verbs: ['get', 'update'],
    namespaces: 'OWN',
    names: ['isthmus-admin-token'],
  },
];
