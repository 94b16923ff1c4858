import type { z } from 'zod';
import type { Metadata, MtlsMode, PeerAuthenticationObject } from './objects.ts';
import type * as schemas from './policy-schemas.ts';

/** Istio's PeerAuthentication. A port without a mode of its own is left out, as it has the workload's. */
export function readPeerAuthentication(
  { spec }: z.infer<typeof schemas.peerAuthentication>,
  metadata: Metadata,
): PeerAuthenticationObject {
  const selector = spec?.selector?.matchLabels ?? {};
  const ports = Object.entries(spec?.portLevelMtls ?? {})
    .map(([port, { mode = 'UNSET' }]): [number, MtlsMode] => [Number(port), mode])
    .filter(([, mode]) => mode !== 'UNSET')
    .sort(([a], [b]) => a - b);
  return {
    kind: 'PeerAuthentication',
    metadata,
    level: Object.keys(selector).length > 0 ? 'WORKLOAD' : 'NAMESPACE',
    selector,
    mode: spec?.mtls?.mode ?? 'UNSET',
    ports: new Map(ports),
  };
}
