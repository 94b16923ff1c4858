import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import type { Derivation } from './derivation.ts';

/** Roots by trust domain, as the hub has sent them. */
export const bundle: Derivation<string, { readonly held: TrustBundle }, TrustBundle> = {
  name: 'bundle',
  reads: new Set(['hub']),
  keys: ({ hub }) => hub.bundles.keys(),
  wakes: (touched) => (touched.kind === 'hub' && touched.type === 'trust-bundle' ? [touched.name] : []),
  inputs(name, { hub }) {
    const held = hub.bundles.get(name);
    return held && { held };
  },
  derive: ({ held }) => held,
  records: (name, record) => [{ part: 'bundles', name, record }],
};

/** Intermediates by key id, as the hub has sent them. */
export const intermediate: Derivation<string, { readonly held: Intermediate }, Intermediate> = {
  name: 'intermediate',
  reads: new Set(['hub']),
  keys: ({ hub }) => hub.intermediates.keys(),
  wakes: (touched) => (touched.kind === 'hub' && touched.type === 'intermediate' ? [touched.name] : []),
  inputs(name, { hub }) {
    const held = hub.intermediates.get(name);
    return held && { held };
  },
  derive: ({ held }) => held,
  records: (name, record) => [{ part: 'intermediates', name, record }],
};
