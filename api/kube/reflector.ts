import { sleep, type Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { ApiFailure } from './api-failure.ts';
import type { ApiServer, Listed, Query, Resource } from './api-server.ts';
import { Reflection, type Known, type ObjectChange, type Trouble } from './reflection.ts';
import { resourceName } from './resource-path.ts';

/**
 * A watch without an event for so long is broken: bookmarks come every 60 to 75 s. It goes on from the last version seen;
 * what cannot be reached fails then.
 */
export const silenceMillis = 100_000;

interface Options {
  readonly server: Pick<ApiServer, 'list' | 'watch'>;
  readonly resource: Listed;
  /** Versions to try, in this order, when the server does not serve the resource in its own. */
  readonly olderVersions?: readonly string[];
  /** Selectors. */
  readonly query?: Query;
  readonly clock: Clock;
  readonly random: Random;
  /** What has changed, in order; also called, with nothing, when what is known of the kind is another thing now. */
  readonly onChanges: (changes: readonly ObjectChange[]) => void;
}

/** Follows all objects of one kind: list, watch, and again after whatever happens. */
export class Reflector {
  readonly #options: Options;
  readonly #reflection: Reflection;
  #troubledSince: number | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#reflection = new Reflection(
      options.resource,
      options.query ?? {},
      options.random,
      options.olderVersions ?? [],
    );
  }

  get resource(): Listed {
    return this.#reflection.resource;
  }

  get known(): Known {
    return this.#reflection.known;
  }

  /** What does not work now, and since when (monotonic milliseconds). */
  get trouble(): (Trouble & { readonly since: number }) | undefined {
    const { trouble } = this.#reflection;
    return trouble && { ...trouble, since: this.#troubledSince ?? this.#options.clock.monotonic() };
  }

  /** How many objects were refused as they have no name. */
  get unnamed(): number {
    return this.#reflection.unnamed;
  }

  /** Ends when the signal aborts. Never throws but what `onChanges` throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const step = this.#reflection.next();
      if (step.do === 'wait') await sleep(this.#options.clock, step.millis, signal).catch(() => undefined);
      else if (step.do === 'list') await this.#list(step.query, signal);
      else await this.#watch(step.query, signal);
    }
  }

  async #list(query: Query, signal: AbortSignal): Promise<void> {
    const page = await this.#options.server.list(this.resource, query, signal).catch(failureOf);
    if (signal.aborted) return;
    this.#take(() =>
      page instanceof ApiFailure ? this.#reflection.failed(page) : this.#reflection.page(page),
    );
  }

  async #watch(query: Query, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const begin = clock.monotonic();
    const attempt = new Attempt(clock, signal);
    const failure = await this.#follow(query, attempt).catch(failureOf);
    attempt.end();
    if (signal.aborted) return;
    if (attempt.wasAccepted && (attempt.wasSilent || !failure))
      this.#reflection.ended(clock.monotonic() - begin);
    else this.#take(() => this.#reflection.failed(failure ?? unanswered(this.resource)));
  }

  async #follow(query: Query, attempt: Attempt): Promise<undefined> {
    const events = await this.#options.server.watch(this.resource, query, attempt.signal);
    this.#take(() => {
      this.#reflection.watching();
      return [];
    });
    attempt.accepted();
    for await (const event of events) {
      if (attempt.signal.aborted) return undefined;
      attempt.heard();
      const changes = this.#reflection.event(event);
      if (changes.length > 0) this.#options.onChanges(changes);
    }
    return undefined;
  }

  #take(step: () => readonly ObjectChange[]): void {
    const { known, trouble } = this.#reflection;
    const changes = step();
    const isOther = known !== this.#reflection.known || trouble !== this.#reflection.trouble;
    if (!this.#reflection.trouble) this.#troubledSince = undefined;
    else this.#troubledSince ??= this.#options.clock.monotonic();
    if (changes.length > 0 || isOther) this.#options.onChanges(changes);
  }
}

/** One watch, which is given up when nothing comes for too long. */
class Attempt {
  readonly #clock: Clock;
  readonly #outer: AbortSignal;
  readonly #controller = new AbortController();
  readonly #stop = () => this.#controller.abort();
  #timer: { cancel(): void } | undefined;
  #heardAt: number;
  wasSilent = false;
  wasAccepted = false;

  constructor(clock: Clock, outer: AbortSignal) {
    this.#clock = clock;
    this.#outer = outer;
    this.#heardAt = clock.monotonic();
    outer.addEventListener('abort', this.#stop, { once: true });
    this.#arm(silenceMillis);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  accepted(): void {
    this.wasAccepted = true;
    this.heard();
  }

  heard(): void {
    this.#heardAt = this.#clock.monotonic();
  }

  end(): void {
    this.#timer?.cancel();
    this.#outer.removeEventListener('abort', this.#stop);
    this.#controller.abort();
  }

  /** One timer for many events: it looks how long ago the last one was. */
  #arm(millis: number): void {
    this.#timer = this.#clock.after(millis, () => {
      const left = this.#heardAt + silenceMillis - this.#clock.monotonic();
      if (left > 0) return this.#arm(left);
      this.wasSilent = true;
      this.#controller.abort();
    });
  }
}

const unanswered = (resource: Resource): ApiFailure =>
  new ApiFailure(
    'API_UNREACHABLE',
    `watch of ${resourceName(resource)} was not answered within ${silenceMillis} ms`,
  );

const failureOf = (error: unknown): ApiFailure => {
  if (error instanceof ApiFailure) return error;
  throw error;
};
