import type { ClusterSnapshot } from '../translate/snapshot.ts';
import { project, type Audience, type Projection } from './project.ts';

type Changes = Map<string, readonly string[]>;

/** The projections of the newest snapshot, worked out once per audience and compared once per change. */
export class Projections {
  readonly #byAudience = new Map<Audience, Projection>();
  readonly #changes = new WeakMap<Projection, WeakMap<Projection, Changes>>();
  #snapshot: ClusterSnapshot | undefined;

  set(snapshot: ClusterSnapshot): void {
    this.#snapshot = snapshot;
    this.#byAudience.clear();
  }

  /** Undefined before the first snapshot. */
  of(audience: Audience): Projection | undefined {
    const known = this.#byAudience.get(audience);
    if (known || !this.#snapshot) return known;
    const projection = project(audience, this.#snapshot);
    this.#byAudience.set(audience, projection);
    return projection;
  }

  /** Names of a type whose record differs. Clients of one audience come from the same projection, mostly. */
  changed(type: string, before: Projection, after: Projection): readonly string[] {
    const pairs = this.#changes.get(before) ?? new WeakMap<Projection, Changes>();
    const changes: Changes = pairs.get(after) ?? new Map<string, readonly string[]>();
    const names = changes.get(type) ?? changedNames(type, before, after);
    this.#changes.set(before, pairs.set(after, changes.set(type, names)));
    return names;
  }
}

function changedNames(type: string, before: Projection, after: Projection): readonly string[] {
  const old = before.get(type) ?? new Map<string, object>();
  const now = after.get(type) ?? new Map<string, object>();
  const changed: string[] = [];
  for (const [name, record] of now) if (old.get(name) !== record) changed.push(name);
  for (const name of old.keys()) if (!now.has(name)) changed.push(name);
  return changed;
}
