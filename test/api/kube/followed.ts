import assert from 'node:assert/strict';
import { ApiFailure, type ApiFailureCode } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Listed, Query, Resource } from '@isthmus/api/kube/api-server.ts';
import type { ObjectChange } from '@isthmus/api/kube/reflection.ts';
import { Reflector } from '@isthmus/api/kube/reflector.ts';
import { FakeApiServer } from '../../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { settled } from '../../fakes/turns.ts';

export const services: Resource = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  isNamespaced: true,
};
export const policies: Resource = {
  group: 'security.istio.io',
  version: 'v1',
  kind: 'AuthorizationPolicy',
  plural: 'authorizationpolicies',
  isNamespaced: true,
};

export const service = (name: string, namespace = 'shop', labels: Record<string, string> = {}) => ({
  metadata: { name, namespace, labels },
});

export const failure = (code: ApiFailureCode, status: number, retryAfterMillis?: number) =>
  new ApiFailure(code, `answered with ${status}`, { status, retryAfterMillis });
export const busy = failure('API_BUSY', 429);
export const broken = failure('API_ERROR', 500);
export const away = failure('API_UNREACHABLE', 0);
export const forbidden = failure('API_FORBIDDEN', 403);

/** A reflector at an API server in memory, and what it has reported. */
export class Followed {
  readonly clock = new FakeClock();
  readonly server: FakeApiServer;
  readonly reflector: Reflector;
  readonly objects = new Map<string, object>();
  readonly changes: ObjectChange[] = [];
  readonly #end = new AbortController();
  #run: Promise<void> | undefined;

  constructor(
    resource: Listed = services,
    options: {
      server?: FakeApiServer;
      fraction?: number;
      query?: Query;
      api?: Partial<ApiServer>;
      olderVersions?: string[];
    } = {},
  ) {
    this.server = options.server ?? new FakeApiServer([resource]);
    const { server } = this;
    this.reflector = new Reflector({
      server: {
        list: options.api?.list ?? ((...args) => server.list(...args)),
        watch: options.api?.watch ?? ((...args) => server.watch(...args)),
      },
      resource,
      query: options.query ?? {},
      olderVersions: options.olderVersions ?? [],
      clock: this.clock,
      random: { fraction: () => options.fraction ?? 1, bytes: () => Buffer.alloc(0), id: () => '' },
      onChanges: (changes) => {
        this.changes.push(...changes);
        for (const change of changes)
          if (change.type === 'put') this.objects.set(change.key, change.object);
          else this.objects.delete(change.key);
      },
    });
  }

  async start(): Promise<this> {
    this.#run = this.reflector.run(this.#end.signal);
    await settled();
    return this;
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#run;
    assert.equal(this.clock.pending, 0, 'no timer is left');
  }

  /** What is reported while something runs. */
  async during(run: () => void | Promise<void>): Promise<readonly string[]> {
    const before = this.changes.length;
    await run();
    await settled();
    return this.changes.slice(before).map(({ type, key }) => `${type} ${key}`);
  }

  get keys(): readonly string[] {
    return [...this.objects.keys()].sort();
  }

  calls(verb: 'list' | 'watch'): number {
    return this.server.calls.filter((call) => call.verb === verb).length;
  }
}
