import type {
  Activation,
  CompiledPolicy,
  Diversion,
  ExportGrant,
  Member,
  RemoteService,
} from '@isthmus/api/domain/directive.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import { policyStandIn } from '@isthmus/api/wire/authorization-stand-in.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import { decodeIntermediate, decodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import { olderBundle } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

/** All resources that the hub has sent to this cluster, by name. Immutable. */
export interface HubView {
  readonly bundles: ReadonlyMap<string, TrustBundle>;
  readonly intermediates: ReadonlyMap<string, Intermediate>;
  /** Key ids of this cluster's intermediates that may sign. */
  readonly activations: ReadonlyMap<string, Activation>;
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
  readonly traffic: ReadonlyMap<string, TrafficPolicy>;
  readonly diversions: ReadonlyMap<string, Diversion>;
  readonly members: ReadonlyMap<string, Member>;
  readonly grants: ReadonlyMap<string, ExportGrant>;
  readonly remotes: ReadonlyMap<string, RemoteService>;
}

export const emptyHubView: HubView = {
  bundles: new Map(),
  intermediates: new Map(),
  activations: new Map(),
  policies: new Map(),
  traffic: new Map(),
  diversions: new Map(),
  members: new Map(),
  grants: new Map(),
  remotes: new Map(),
};

interface Field {
  readonly field: keyof HubView;
  /** The value under the resource's name, which must be the one that its content says. */
  readonly read: (resource: Resource) => Result<unknown, string>;
  /** Why a value is refused beside the one that is held; undefined when it is not. */
  readonly olderThanHeld?: (view: HubView, value: unknown) => string | undefined;
}

const fieldOf = <T>(
  field: keyof HubView,
  decode: (bytes: Uint8Array) => Result<T, string>,
  nameOf: (value: T) => string,
): Field => ({
  field,
  read({ name, body }) {
    const decoded = decode(body);
    if (!decoded.ok || nameOf(decoded.value) === name) return decoded;
    return err(`its content is that of ${JSON.stringify(nameOf(decoded.value))}`);
  },
});

/** A hub that was restored from a backup may send roots that were withdrawn since. */
function olderThanHeld({ bundles }: HubView, value: unknown): string | undefined {
  const bundle = value as TrustBundle;
  const held = bundles.get(bundle.trustDomain)?.sequence ?? 0;
  return bundle.sequence < held ? olderBundle(bundle, held) : undefined;
}

type Named = { readonly namespace: string; readonly name: string };

const keyOf = ({ namespace, name }: Named): string => `${namespace}/${name}`;

const fields: Readonly<Record<string, Field>> = {
  'trust-bundle': {
    ...fieldOf('bundles', decodeTrustBundle, ({ trustDomain }) => trustDomain),
    olderThanHeld,
  },
  intermediate: fieldOf('intermediates', decodeIntermediate, ({ keyId }) => keyId),
  activation: fieldOf('activations', wire.activation.decode, ({ keyId }) => keyId),
  policy: fieldOf('policies', wire.compiledPolicy.decode, ({ name }) => name),
  traffic: fieldOf('traffic', wire.trafficPolicy.decode, keyOf),
  diversion: fieldOf('diversions', wire.diversion.decode, ({ id }) => id),
  member: fieldOf('members', wire.member.decode, ({ cluster }) => cluster),
  grant: fieldOf('grants', wire.exportGrant.decode, keyOf),
  remote: fieldOf('remotes', wire.remoteService.decode, (one) => `${one.cluster}/${keyOf(one)}`),
};

export function withResource(view: HubView, type: string, resource: Resource): Result<HubView, string> {
  const known = fields[type];
  if (!known) return err(`type ${type} is not known to this agent`);
  const read = known.read(resource);
  if (!read.ok) return read;
  const older = known.olderThanHeld?.(view, read.value);
  if (older !== undefined) return err(older);
  const values = new Map<string, unknown>(view[known.field]).set(resource.name, read.value);
  return ok({ ...view, [known.field]: values });
}

/**
 * With what stands in for a resource that was refused and is held in no version: a policy that cannot be read closes what
 * it is for, and other types have none.
 */
export function withStandIn(view: HubView, type: string, { name, body }: Resource): HubView {
  if (type !== 'policy') return view;
  const standIn = policyStandIn(name, body);
  return typeof standIn === 'string'
    ? withoutResource(view, type, name)
    : { ...view, policies: new Map(view.policies).set(name, standIn) };
}

export function withoutResource(view: HubView, type: string, name: string): HubView {
  const known = fields[type];
  if (!known) return view;
  const map = new Map<string, unknown>(view[known.field]);
  return map.delete(name) ? { ...view, [known.field]: map } : view;
}
