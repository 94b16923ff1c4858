import type { Condition } from '@isthmus/api/domain/condition.ts';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { Reflector } from '@isthmus/api/kube/reflector.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import type { Source } from '../../runtime/source.ts';
import type { SourceEvent } from '../../view/source-event.ts';
import { HeldObjects } from './held-objects.ts';
import { isAwaited, kindConditions, type KindState } from './kind-conditions.ts';
import { watched, type WatchedKind } from './watched.ts';

interface Deps {
  readonly server: Pick<ApiServer, 'list' | 'watch'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Runs something in the next turn of the event loop. */
  readonly turn: (run: () => void) => void;
  readonly kinds?: readonly WatchedKind[];
}

/**
 * The objects of a Kubernetes cluster, as its API server has them. What comes within one turn of the event loop is one
 * batch, in which each object is once. `synced` follows once each kind has been listed, or is missing, or is neither needed
 * nor allowed to this agent.
 */
export class KubernetesSource implements Source {
  readonly #deps: Deps;
  readonly #objects = new HeldObjects();
  readonly #followed: readonly { readonly kind: WatchedKind; readonly reflector: Reflector }[];
  /** What is to be emitted, by what it is about: only the last event of an object counts. */
  readonly #batch = new Map<string, SourceEvent>();
  #emit: ((batch: readonly SourceEvent[]) => void) | undefined;
  #isArmed = false;
  #isOver = false;
  #synced = false;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#followed = (deps.kinds ?? watched).map((kind) => ({ kind, reflector: this.#reflect(kind) }));
  }

  async run(emit: (batch: readonly SourceEvent[]) => void, signal: AbortSignal): Promise<void> {
    this.#emit = emit;
    await Promise.all(this.#followed.map(({ reflector }) => reflector.run(signal)));
    this.#isOver = true;
  }

  /** What is degraded in the reading of the cluster. */
  conditions(): readonly Condition[] {
    return kindConditions(this.#states(), this.#deps.clock.monotonic());
  }

  /** Kinds that have yet to be listed: nothing is published before they have been. */
  get unlisted(): readonly string[] {
    return this.#states()
      .filter(isAwaited)
      .map(({ resource }) => resource.kind);
  }

  #states(): readonly KindState[] {
    return this.#followed.map(({ kind: { isNeeded }, reflector }) => ({
      resource: reflector.resource,
      known: reflector.known,
      trouble: reflector.trouble,
      unnamed: reflector.unnamed,
      isNeeded,
    }));
  }

  #reflect({ resource, olderVersions }: WatchedKind): Reflector {
    const { server, clock, random } = this.#deps;
    return new Reflector({
      server,
      resource,
      olderVersions,
      clock,
      random,
      onChanges: (changes) => {
        for (const event of this.#objects.take(resource.kind, changes)) this.#add(event);
        this.#arm();
      },
    });
  }

  #add(event: SourceEvent): void {
    const about = subjectOf(event);
    this.#batch.delete(about);
    this.#batch.set(about, event);
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#deps.turn(() => {
      this.#isArmed = false;
      this.#flush();
    });
  }

  #flush(): void {
    const batch = [...this.#batch.values()];
    this.#batch.clear();
    const isSynced = !this.#synced && this.unlisted.length === 0;
    if (isSynced) {
      this.#synced = true;
      batch.push({ type: 'synced' });
    }
    if (batch.length > 0 && !this.#isOver) this.#emit?.(batch);
  }
}

function subjectOf(event: SourceEvent): string {
  switch (event.type) {
    case 'upsert':
    case 'remove':
      return `object ${event.id}`;
    case 'rejections':
      return `rejections ${event.origin}`;
    case 'synced':
      return 'synced';
  }
}
