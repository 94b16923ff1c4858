import { z } from 'zod';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Place, Resource } from '@isthmus/api/kube/api-server.ts';

/** The field manager and the value of `app.kubernetes.io/managed-by` by which an agent's writes are known. */
const agent = 'isthmus-agent';
const owned = { labelSelector: `app.kubernetes.io/managed-by=${agent}` };

/** Where an agent has written, from what it may write. */
export interface Written {
  /** Objects of the agent's own namespace, by name. */
  readonly own: readonly { readonly resource: Resource; readonly names: readonly string[] }[];
  /** Kinds of which it makes objects in other namespaces, under its label. */
  readonly made: readonly Resource[];
  /** Kinds of whose objects it has fields, by server-side apply. */
  readonly marked: readonly { readonly resource: Resource; readonly subresource: 'status' | '' }[];
}

const listed = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().default(''),
    managedFields: z
      .array(z.looseObject({ manager: z.string().default(''), subresource: z.string().default('') }))
      .default([]),
  }),
});
type Metadata = z.infer<typeof listed>['metadata'];

/**
 * Removes from a cluster all that an agent wrote there, once none runs any more. Yields a sentence for each thing that it
 * removes. Throws `ApiFailure`: what is left then is found again by the next run.
 */
export async function* removeLeftovers(
  server: ApiServer,
  namespace: string,
  { own, made, marked }: Written,
): AsyncGenerator<string> {
  for (const { resource, names } of own)
    for (const name of names)
      if (await isRemoved(server, resource, { namespace, name }))
        yield sentence('removed', resource, { namespace, name });
  for (const resource of made)
    for await (const place of objectsOf(server, resource, owned))
      if (await isRemoved(server, resource, place)) yield sentence('removed', resource, place);
  for (const { resource, subresource } of marked)
    for await (const place of objectsOf(server, resource, {})) {
      const isOurs = place.managedFields.some(
        (one) => one.manager === agent && one.subresource === subresource,
      );
      if (isOurs && (await isCleared(server, resource, { ...place, subresource })))
        yield sentence(`cleared ${subresource === '' ? 'annotations' : 'the status'} of`, resource, place);
    }
}

async function* objectsOf(
  server: ApiServer,
  resource: Resource,
  selector: Readonly<Record<string, string>>,
): AsyncGenerator<Metadata> {
  let next = '';
  do {
    const page = await known(() =>
      server.list(resource, { ...selector, limit: '500', ...(next !== '' && { continue: next }) }),
    );
    for (const item of page?.items ?? []) {
      const read = listed.safeParse(item);
      if (read.success) yield read.data.metadata;
    }
    next = page?.continue ?? '';
  } while (next !== '');
}

const isRemoved = async (
  server: ApiServer,
  resource: Resource,
  { namespace, name }: Place,
): Promise<boolean> =>
  (await known(async () => {
    await server.remove(resource, { namespace, name });
    return true;
  })) ?? false;

/** An apply without fields gives up those that were applied before, and the server removes what nobody else has. */
async function isCleared(server: ApiServer, resource: Resource, place: Place): Promise<boolean> {
  const { namespace, name, subresource = '' } = place;
  const { group, version, kind } = resource;
  const object = {
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    metadata: { name, ...(namespace !== '' && { namespace }) },
  };
  const done = await known(() =>
    server.patch(
      resource,
      { namespace, name, subresource },
      { how: 'apply', fieldManager: agent, force: true },
      object,
    ),
  );
  return done !== undefined;
}

/** Undefined for an object that is gone, and for a kind that this cluster does not have. */
async function known<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ApiFailure && error.code === 'API_NOT_FOUND') return undefined;
    throw error;
  }
}

const sentence = (
  done: string,
  { kind }: Resource,
  { namespace, name }: Pick<Metadata, 'namespace' | 'name'>,
): string => `${done} ${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;
