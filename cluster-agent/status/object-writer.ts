import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Place, Resource } from '@isthmus/api/kube/api-server.ts';
import type { Condition } from '@isthmus/api/domain/condition.ts';
import { objectId } from '@isthmus/api/kubernetes/objects.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import { LimitedLines } from '@isthmus/mesh/process/limited-lines.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { FailedWrites } from './failed-writes.ts';
import { WriteSchedule, type Outcome } from './schedule.ts';
import { ServedVersions } from './served-versions.ts';
import type { Noted } from './event-book.ts';
import {
  fieldManager,
  readCurrent,
  type Current,
  type Statement,
  type Target,
  type Write,
} from './written-object.ts';

interface Deps {
  readonly api: ApiServer;
  /** What is to be said of an object at this moment; undefined: nothing. */
  readonly statementOf: (target: Target) => Statement | undefined;
  /** What was written is to be known at once. */
  readonly onNote: (noted: Noted) => void;
  /** Asked before each write. */
  readonly leads: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Writes what statements say, by server-side apply, and only what the API does not have: an object is read before it is
 * written. When and how many at once is in `schedule.ts`.
 */
export class ObjectWriter {
  readonly #deps: Deps;
  readonly #schedule = new WriteSchedule();
  readonly #targets = new Map<string, Target>();
  readonly #served: ServedVersions;
  readonly #failed = new FailedWrites();
  readonly #lines: LimitedLines;
  #timer: { readonly at: number; readonly timer: Timer } | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#served = new ServedVersions(deps.api, deps.clock);
    this.#lines = new LimitedLines(deps.clock, deps.log);
  }

  /** What is said of the object may be another thing than what the API has. */
  touch(target: Target): void {
    const id = objectId(target.kind, target);
    this.#targets.set(id, target);
    this.#schedule.touch(id, this.#now());
    this.#arrange();
  }

  /** Forgets what waits, as this replica does not lead. */
  clear(): void {
    this.#schedule.clear();
    this.#failed.clear();
    for (const id of this.#targets.keys()) this.#forgetUnless(id);
    this.#timer?.timer.cancel();
    this.#timer = undefined;
  }

  conditions(): readonly Condition[] {
    return this.#failed.conditions();
  }

  /** How many objects it knows: those that wait or were written a short time ago. */
  get size(): number {
    return this.#targets.size;
  }

  #now(): number {
    return this.#deps.clock.monotonic();
  }

  #arrange(): void {
    const at = this.#schedule.next;
    if (at === Infinity || (this.#timer && this.#timer.at <= at)) return;
    this.#timer?.timer.cancel();
    const timer = this.#deps.clock.after(Math.max(0, at - this.#now()), () => {
      this.#timer = undefined;
      for (const id of this.#schedule.forget(this.#now())) this.#targets.delete(id);
      for (const id of this.#schedule.take(this.#now())) void this.#run(id);
      this.#arrange();
    });
    this.#timer = { at, timer };
  }

  async #run(id: string): Promise<void> {
    const target = this.#targets.get(id);
    const outcome = target ? await this.#write(id, target) : same;
    this.#schedule.done(id, outcome, this.#now());
    if (outcome.kind === 'WRITTEN' || outcome.kind === 'SAME') this.#failed.delete(id);
    this.#forgetUnless(id);
    this.#arrange();
  }

  #forgetUnless(id: string): void {
    if (!this.#schedule.knows(id)) this.#targets.delete(id);
  }

  async #write(id: string, target: Target): Promise<Outcome> {
    const call = new CallOf(target);
    try {
      const isWritten = await this.#say(target, call);
      return { kind: isWritten ? 'WRITTEN' : 'SAME' };
    } catch (error) {
      return this.#failedWith(error, id, call);
    }
  }

  /** Whether anything was written. */
  async #say(target: Target, call: CallOf): Promise<boolean> {
    const { api, statementOf, leads } = this.#deps;
    const statement = leads() ? statementOf(target) : undefined;
    const resource = statement && (await this.#served.of(statement));
    if (!statement || !resource) return false;
    const { namespace, name } = target;
    const raw = await api.get(call.is('get', resource), { namespace, name }).catch(absent);
    // What is to be said now, and not what was before the object was read.
    const current = readCurrent(raw);
    const now = statementOf(target) ?? statement;
    const writes = now.writes(current, resource.version);
    for (const [i, write] of writes.entries()) {
      if (!leads()) return i > 0;
      await this.#apply(write, resource, { namespace, name }, call);
      this.#note(write, target, resource, current);
    }
    now.written?.();
    return writes.length > 0;
  }

  async #apply(write: Write, resource: Resource, place: Place, call: CallOf): Promise<void> {
    const { api } = this.#deps;
    if (write.how === 'REMOVE') {
      await api.remove(call.is('delete', resource), place);
    } else {
      const { subresource, object } = write;
      const typed = { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
      const patched = api.patch(
        call.is('patch', resource, subresource),
        { ...place, subresource },
        { how: 'apply', fieldManager, force: true },
        typed,
      );
      await (write.mayBeMissing ? patched.catch(absent) : patched);
    }
    this.#failed.allowed(call.text);
  }

  #note(write: Write, target: Target, resource: Resource, current: Current | undefined): void {
    const note = write.how === 'APPLY' ? write.note : undefined;
    if (!note || !current) return;
    this.#deps.onNote({ target, apiVersion: apiVersionOf(resource), uid: current.uid, note });
  }

  #failedWith(error: unknown, id: string, call: CallOf): Outcome {
    if (!(error instanceof ApiFailure)) throw error;
    // The object is gone, or its kind: it comes back with a change.
    if (error.code === 'API_NOT_FOUND') return same;
    this.#failed.add(id, call.text, error);
    if (error.code === 'API_CONFLICT') return { kind: 'CONFLICT' };
    const { verb, kind } = call;
    this.#lines.warn(call.text, { verb, kind, why: error.message }, 'an object could not be written');
    return { kind: 'FAILED', retryAfter: error.retryAfterMillis ?? 0 };
  }
}

const apiVersionOf = ({ group, version }: Resource): string =>
  group === '' ? version : `${group}/${version}`;

const same: Outcome = { kind: 'SAME' };

/** The call that is under way, for the message when it fails. */
class CallOf {
  readonly kind: string;
  verb = '';
  /** `patch authorizationpolicies/status` */
  text = '';

  constructor({ kind }: Target) {
    this.kind = kind;
    this.text = kind;
  }

  is(verb: string, resource: Resource, subresource = ''): Resource {
    this.verb = verb;
    this.text = `${verb} ${resource.plural}${subresource === '' ? '' : `/${subresource}`}`;
    return resource;
  }
}

function absent(error: unknown): undefined {
  if (!(error instanceof ApiFailure) || error.code !== 'API_NOT_FOUND') throw error;
}
