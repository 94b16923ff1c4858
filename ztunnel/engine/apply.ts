import { decodeAddress } from '@isthmus/api/wire/address.ts';
import { decodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import { authorizationStandIn } from '@isthmus/api/wire/authorization-stand-in.ts';
import { decodeIntermediate, decodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { TouchedKeys, type Touched } from '@isthmus/mesh/state/touched.ts';
import type { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Rejected } from '@isthmus/mesh/delta/messages.ts';
import type { Result } from '@isthmus/mesh/result.ts';
import type { Address, MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { ToWorker } from '../messages.ts';

type Delta = Extract<ToWorker, { kind: 'delta' }>;

/** What a delta did. */
export interface Applied {
  readonly rejected: readonly Rejected[];
  readonly touched: Touched;
  /** Key ids of issuers of which something else holds now. */
  readonly issuers: ReadonlySet<string>;
}

const nothing: Omit<Applied, 'rejected'> = { touched: new TouchedKeys(), issuers: new Set() };

/**
 * Puts one delta in force and gives back what of it cannot be read; the rest holds. A policy that cannot be read closes
 * what it is for. An unknown type is ignored.
 */
export function applyDelta(state: MeshState, table: IssuerTable, delta: Delta): Applied {
  const { removed } = delta;
  switch (delta.type) {
    case typeUrls.address: {
      const { values, rejected } = decodeAll(delta, ({ body }): Result<Address, string> =>
        decodeAddress(body),
      );
      return { ...nothing, rejected, touched: state.applyAddresses(values, removed) };
    }
    case typeUrls.authorization:
      return applyPolicies(state, delta);
    case typeUrls.trustBundle:
      return applyBundles(table, delta);
    case typeUrls.intermediate: {
      const { values, rejected } = decodeAll(delta, ({ body }) => decodeIntermediate(body));
      const issuers = new Set<string>();
      for (const one of values) addAll(issuers, table.upsertIntermediate(one));
      for (const name of removed) addAll(issuers, table.removeIntermediate(name));
      return { ...nothing, rejected, issuers };
    }
    default:
      return { ...nothing, rejected: [] };
  }
}

function applyPolicies(state: MeshState, delta: Delta): Applied {
  const { values, rejected } = decodeAll(delta, ({ name, body }) => decodeAuthorization(name, body));
  const standIns = refusedOf(delta, rejected).map(({ name, body }) => ({
    key: name,
    standIn: authorizationStandIn(name, body),
  }));
  const inForce = standIns.map(({ key, standIn }) => ({
    key,
    policy: typeof standIn === 'string' ? undefined : standIn,
  }));
  const touched = state.applyAuthorizations(values, delta.removed, inForce);
  const open = standIns.flatMap(({ key, standIn }) => (standIn === 'DENIES_NOTHING' ? [key] : []));
  const covered = rejected.map((one) => ({
    ...one,
    isCovered: state.policies.get(one.name) !== undefined || open.includes(one.name),
  }));
  return { ...nothing, rejected: covered, touched };
}

function applyBundles(table: IssuerTable, delta: Delta): Applied {
  const { values, rejected } = decodeAll(delta, ({ body }) => decodeTrustBundle(body));
  const issuers = new Set<string>();
  const older = values.flatMap((bundle): readonly Rejected[] => {
    const taken = table.upsertBundle(bundle);
    if (!taken.ok) return [{ name: bundle.trustDomain, reason: taken.error }];
    addAll(issuers, taken.value);
    return [];
  });
  for (const name of delta.removed) addAll(issuers, table.removeBundle(name));
  return { ...nothing, rejected: [...rejected, ...older], issuers };
}

function addAll(to: Set<string>, keys: Iterable<string>): void {
  for (const key of keys) to.add(key);
}

function refusedOf({ resources }: Delta, rejected: readonly Rejected[]): Delta['resources'] {
  const names = new Set(rejected.map(({ name }) => name));
  return resources.filter(({ name }) => names.has(name));
}

function decodeAll<T>(
  { resources }: Delta,
  decode: (resource: Delta['resources'][number]) => Result<T, string>,
): { values: readonly T[]; rejected: readonly Rejected[] } {
  const values: T[] = [];
  const rejected: Rejected[] = [];
  for (const resource of resources) {
    const decoded = decode(resource);
    if (decoded.ok) values.push(decoded.value);
    else rejected.push({ name: resource.name, reason: decoded.error });
  }
  return { values, rejected };
}
