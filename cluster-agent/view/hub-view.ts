import type {
  Activation,
  HubAddress,
  CompiledPolicy,
  TrafficShift,
  ExportGrant,
  Member,
  RemoteService,
} from '@isthmus/api/domain/directive.ts';
import type { TrafficPolicy } from '@isthmus/api/domain/traffic-policy.ts';
import * as wire from '@isthmus/api/wire/link.ts';
import type { DownType } from '@isthmus/api/wire/link.ts';
import { decodeIntermediate, decodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import type { Resource } from '@isthmus/mesh/delta/messages.ts';
import { olderBundle } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Intermediate, TrustBundle } from '@isthmus/mesh/identity/issuers.ts';
import { err, type Result } from '@isthmus/mesh/result.ts';
import type { HubResource } from '../keys/change-set.ts';

/** All resources that the hub has sent to this cluster, by name. */
export interface HubView {
  /** Where the hub is reached; none: it does not know. */
  readonly addresses: ReadonlyMap<string, HubAddress>;
  readonly bundles: ReadonlyMap<string, TrustBundle>;
  readonly intermediates: ReadonlyMap<string, Intermediate>;
  /** Key ids of this cluster's intermediates that may sign. */
  readonly activations: ReadonlyMap<string, Activation>;
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
  readonly traffic: ReadonlyMap<string, TrafficPolicy>;
  readonly trafficShifts: ReadonlyMap<string, TrafficShift>;
  readonly members: ReadonlyMap<string, Member>;
  readonly grants: ReadonlyMap<string, ExportGrant>;
  readonly remotes: ReadonlyMap<string, RemoteService>;
}

export const emptyHubView: HubView = {
  addresses: new Map(),
  bundles: new Map(),
  intermediates: new Map(),
  activations: new Map(),
  policies: new Map(),
  traffic: new Map(),
  trafficShifts: new Map(),
  members: new Map(),
  grants: new Map(),
  remotes: new Map(),
};

/** The name of the only resource of its type. */
export const hubAddressName = 'self';

interface Reader {
  /** The value under the resource's name, which must be the one that its content says. */
  readonly read: (resource: Resource) => Result<HubResource, string>;
  /** Why a value is refused beside the one that is held; undefined when it is not. */
  readonly olderThanHeld?: (view: HubView, value: HubResource) => string | undefined;
}

const readerOf = <T extends HubResource>(
  decode: (bytes: Uint8Array) => Result<T, string>,
  nameOf: (value: T) => string,
): Reader => ({
  read({ name, body }) {
    const decoded = decode(body);
    if (!decoded.ok || nameOf(decoded.value) === name) return decoded;
    return err(`its content is that of ${JSON.stringify(nameOf(decoded.value))}`);
  },
});

/** A hub that was restored from a backup may send roots that were withdrawn since. */
function olderThanHeld({ bundles }: HubView, value: HubResource): string | undefined {
  const bundle = value as TrustBundle;
  const held = bundles.get(bundle.trustDomain)?.sequence ?? 0;
  return bundle.sequence < held ? olderBundle(bundle, held) : undefined;
}

type Named = { readonly namespace: string; readonly name: string };

const keyOf = ({ namespace, name }: Named): string => `${namespace}/${name}`;

const readers: Readonly<Record<DownType, Reader>> = {
  'hub-address': readerOf(wire.hubAddress.decode, () => hubAddressName),
  'trust-bundle': { ...readerOf(decodeTrustBundle, ({ trustDomain }) => trustDomain), olderThanHeld },
  intermediate: readerOf(decodeIntermediate, ({ keyId }) => keyId),
  activation: readerOf(wire.activation.decode, ({ keyId }) => keyId),
  policy: readerOf(wire.compiledPolicy.decode, ({ name }) => name),
  traffic: readerOf(wire.trafficPolicy.decode, keyOf),
  diversion: readerOf(wire.trafficShift.decode, ({ id }) => id),
  member: readerOf(wire.member.decode, ({ cluster }) => cluster),
  grant: readerOf(wire.exportGrant.decode, keyOf),
  remote: readerOf(wire.remoteService.decode, (one) => `${one.cluster}/${keyOf(one)}`),
};

/** What a resource of the hub says, or why it cannot be taken beside what is held. */
export function readResource(held: HubView, type: DownType, resource: Resource): Result<HubResource, string> {
  const { read, olderThanHeld: olderThan } = readers[type];
  const value = read(resource);
  if (!value.ok) return value;
  const older = olderThan?.(held, value.value);
  return older === undefined ? value : err(older);
}
