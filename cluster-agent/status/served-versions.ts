import { z } from 'zod';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Statement } from './written-object.ts';

/** What the API server was asked is asked again after this, milliseconds: a CRD may have come or have other versions. */
const validMillis = 30_000;

const group = z.looseObject({ versions: z.array(z.looseObject({ version: z.string() })) });

/** The versions in which the API server serves groups. It asks for a group once in 30 s at most. */
export class ServedVersions {
  readonly #api: ApiServer;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #known = new Map<string, { readonly at: number; readonly versions: Promise<readonly string[]> }>();

  constructor(api: ApiServer, clock: Pick<Clock, 'monotonic'>) {
    this.#api = api;
    this.#clock = clock;
  }

  /** The kind in the first version that the server has; undefined: the server serves none of them. Throws `ApiFailure`. */
  async of({
    resource,
    olderVersions,
  }: Pick<Statement, 'resource' | 'olderVersions'>): Promise<Resource | undefined> {
    if (resource.group === '') return resource;
    const served = await this.#versions(resource.group);
    const version = [resource.version, ...olderVersions].find((one) => served.includes(one));
    return version === undefined ? undefined : { ...resource, version };
  }

  #versions(name: string): Promise<readonly string[]> {
    const now = this.#clock.monotonic();
    const known = this.#known.get(name);
    if (known && now - known.at < validMillis) return known.versions;
    const versions = this.#ask(name);
    this.#known.set(name, { at: now, versions });
    versions.catch(() => this.#known.delete(name));
    return versions;
  }

  async #ask(name: string): Promise<readonly string[]> {
    try {
      const read = group.safeParse(await this.#api.read(`/apis/${name}`));
      return read.success ? read.data.versions.map(({ version }) => version) : [];
    } catch (error) {
      if (error instanceof ApiFailure && error.code === 'API_NOT_FOUND') return [];
      throw error;
    }
  }
}
