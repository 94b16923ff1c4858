import type { CompiledPolicy, Diversion, ExportGrant, RemoteService } from '@isthmus/api/domain/directive.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { decodeIntermediate, decodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

/** All that the hub has told this cluster, by resource name. Immutable. */
export interface HubView {
  readonly bundles: ReadonlyMap<string, TrustBundle>;
  readonly intermediates: ReadonlyMap<string, Intermediate>;
  /** Key ids of this cluster's intermediates that may sign. */
  readonly activations: ReadonlyMap<string, true>;
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
  readonly traffic: ReadonlyMap<string, TrafficPolicy>;
  readonly diversions: ReadonlyMap<string, Diversion>;
  readonly grants: ReadonlyMap<string, ExportGrant>;
  readonly remotes: ReadonlyMap<string, RemoteService>;
}

export const emptyHubView: HubView = {
  ...{ bundles: new Map(), intermediates: new Map(), activations: new Map(), policies: new Map() },
  ...{ traffic: new Map(), diversions: new Map(), grants: new Map(), remotes: new Map() },
};

const fields: Readonly<
  Record<string, { field: keyof HubView; decode: (bytes: Uint8Array) => Result<unknown, string> }>
> = {
  'trust-bundle': { field: 'bundles', decode: decodeTrustBundle },
  intermediate: { field: 'intermediates', decode: decodeIntermediate },
  activation: { field: 'activations', decode: () => ok(true) },
  policy: { field: 'policies', decode: wire.compiledPolicy.decode },
  traffic: { field: 'traffic', decode: wire.trafficPolicy.decode },
  diversion: { field: 'diversions', decode: wire.diversion.decode },
  grant: { field: 'grants', decode: wire.exportGrant.decode },
  remote: { field: 'remotes', decode: wire.remoteService.decode },
};

export function withResource(view: HubView, type: string, { name, body }: Resource): Result<HubView, string> {
  const known = fields[type];
  if (!known) return err(`type ${type} is not known to this agent`);
  const decoded = known.decode(body);
  if (!decoded.ok) return decoded;
  return ok({ ...view, [known.field]: new Map<string, unknown>(view[known.field]).set(name, decoded.value) });
}

export function withoutResource(view: HubView, type: string, name: string): HubView {
  const known = fields[type];
  if (!known) return view;
  const map = new Map<string, unknown>(view[known.field]);
  return map.delete(name) ? { ...view, [known.field]: map } : view;
}
