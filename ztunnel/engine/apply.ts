import { decodeAddress } from '@isthmus/api/wire/address.ts';
import { decodeAuthorization } from '@isthmus/api/wire/authorization.ts';
import { authorizationStandIn } from '@isthmus/api/wire/authorization-stand-in.ts';
import { decodeIntermediate, decodeTrustBundle } from '@isthmus/api/wire/trust.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import type { IssuerTable } from '@isthmus/mesh/identity/issuer-table.ts';
import type { Rejected } from '@isthmus/mesh/delta/messages.ts';
import type { Result } from '@isthmus/mesh/result.ts';
import type { Address, MeshState } from '@isthmus/mesh/state/mesh-state.ts';
import type { ToWorker } from '../worker/messages.ts';

type Delta = Extract<ToWorker, { kind: 'delta' }>;

/**
 * Puts one delta in force and tells what of it cannot be read; the rest holds. A policy that cannot be read closes what it
 * is for. An unknown type is ignored.
 */
export function applyDelta(state: MeshState, table: IssuerTable, delta: Delta): readonly Rejected[] {
  const { removed } = delta;
  switch (delta.type) {
    case typeUrls.address: {
      const { values, rejected } = decodeAll(delta, ({ body }): Result<Address, string> =>
        decodeAddress(body),
      );
      state.applyAddresses(values, removed);
      return rejected;
    }
    case typeUrls.authorization: {
      const { values, rejected } = decodeAll(delta, ({ name, body }) => decodeAuthorization(name, body));
      const standIns = refusedOf(delta, rejected).map(({ name, body }) => ({
        key: name,
        standIn: authorizationStandIn(name, body),
      }));
      const inForce = standIns.map(({ key, standIn }) => ({
        key,
        policy: typeof standIn === 'string' ? undefined : standIn,
      }));
      state.applyAuthorizations(values, removed, inForce);
      const open = standIns.flatMap(({ key, standIn }) => (standIn === 'DENIES_NOTHING' ? [key] : []));
      return rejected.map((one) => ({
        ...one,
        isCovered: state.policies.get(one.name) !== undefined || open.includes(one.name),
      }));
    }
    case typeUrls.trustBundle: {
      const { values, rejected } = decodeAll(delta, ({ body }) => decodeTrustBundle(body));
      const older = values.flatMap((bundle): readonly Rejected[] => {
        const taken = table.upsertBundle(bundle);
        return taken.ok ? [] : [{ name: bundle.trustDomain, reason: taken.error }];
      });
      for (const name of removed) table.removeBundle(name);
      return [...rejected, ...older];
    }
    case typeUrls.intermediate: {
      const { values, rejected } = decodeAll(delta, ({ body }) => decodeIntermediate(body));
      for (const one of values) table.upsertIntermediate(one);
      for (const name of removed) table.removeIntermediate(name);
      return rejected;
    }
    default:
      return [];
  }
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
