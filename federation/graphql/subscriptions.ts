import type { Live } from '../state/live.ts';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { RequestContext } from './context.ts';
import { apiError, isoTime, readGlobalId } from './pages.ts';
import { clusterView, operationView } from './views.ts';

/** Yields again after each change of the snapshot; changes that come while the reader is busy are one. */
async function* moments(live: Live): AsyncGenerator<void> {
  let wake: (() => void) | undefined;
  let changed = true;
  const stop = live.onChange(() => {
    changed = true;
    wake?.();
  });
  try {
    for (;;) {
      if (!changed) await new Promise<void>((resolve) => (wake = resolve));
      changed = false;
      yield;
    }
  } finally {
    stop();
  }
}

/** Each value once until it is another. */
async function* whenDifferent<T>(
  live: Live,
  look: () => readonly (readonly [string, T])[],
): AsyncGenerator<T> {
  const last = new Map<string, string>();
  for (const times = moments(live); !(await times.next()).done;)
    for (const [key, value] of look()) {
      const text = JSON.stringify(value);
      if (last.get(key) === text) continue;
      last.set(key, text);
      yield value;
    }
}

async function* clusterChanged(
  { live }: RequestContext,
  name: string | null | undefined,
): AsyncGenerator<object> {
  yield* whenDifferent(live, () =>
    [...live.current.intent.clusters.values()]
      .filter(({ id }) => !name || id === name)
      .map((stored) => [stored.id, clusterView(live.current, stored)] as const),
  );
}

async function* operationProgress({ live }: RequestContext, wanted: string): AsyncGenerator<object> {
  const id = live.current.intent.operations.has(wanted) ? wanted : readGlobalId(wanted).id;
  if (!live.current.intent.operations.has(id))
    throw apiError('NOT_FOUND', `no operation '${wanted}' is known`);
  const look = () => {
    const stored = live.current.intent.operations.get(id);
    return stored ? [[id, operationView(live.current, stored.value)] as const] : [];
  };
  for await (const operation of whenDifferent(live, look)) {
    yield operation;
    if (operation.state !== 'RUNNING') return;
  }
}

async function* changes({ store }: RequestContext, after: number): AsyncGenerator<object> {
  const stop = new AbortController();
  try {
    for await (const { revision, audit } of store.changes(after, stop.signal))
      yield {
        revision,
        at: isoTime(audit.at),
        actor: audit.actor,
        action: audit.action,
        subject: audit.subject,
      };
  } catch (error) {
    if (error instanceof CodedError) throw apiError(error.code, error.message);
    throw error;
  } finally {
    stop.abort();
  }
}

type Subscribe<A> = {
  subscribe: (root: unknown, args: A, context: RequestContext) => AsyncIterable<object>;
  resolve: (value: object) => object;
};

const resolve = (value: object): object => value;

export const subscriptions = {
  clusterChanged: {
    subscribe: (_root, { name }, context) => clusterChanged(context, name),
    resolve,
  } as Subscribe<{ name?: string | null }>,
  operationProgress: {
    subscribe: (_root, { id }, context) => operationProgress(context, id),
    resolve,
  } as Subscribe<{ id: string }>,
  changes: { subscribe: (_root, { after }, context) => changes(context, after), resolve } as Subscribe<{
    after: number;
  }>,
};
