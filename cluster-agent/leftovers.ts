import { z } from 'zod';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Page, Place, Query, Resource } from '@isthmus/api/kube/api-server.ts';
import type { WrittenKind } from './status/written-kinds.ts';

/** The field manager and the value of `app.kubernetes.io/managed-by` by which an agent's writes are known. */
const agent = 'isthmus-agent';
const owned = { labelSelector: `app.kubernetes.io/managed-by=${agent}` };

/** Where an agent has written, from what it may write. */
export interface Written {
  /** Objects of the agent's own namespace, by name. */
  readonly own: readonly { readonly resource: Resource; readonly names: readonly string[] }[];
  /** Kinds of which it makes objects in other namespaces, under its label. */
  readonly made: readonly WrittenKind[];
  /** Kinds of whose objects it has fields, by server-side apply. */
  readonly marked: readonly { readonly kind: WrittenKind; readonly subresource: 'status' | '' }[];
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

/** An object that is there, and its kind in the version by which the cluster serves it. */
interface Found {
  readonly resource: Resource;
  readonly metadata: Metadata;
}

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
  for (const kind of made)
    for await (const { resource, metadata } of objectsOf(server, kind, owned))
      if (await isRemoved(server, resource, metadata)) yield sentence('removed', resource, metadata);
  for (const { kind, subresource } of marked)
    for await (const { resource, metadata } of objectsOf(server, kind, {})) {
      const isOurs = metadata.managedFields.some(
        (one) => one.manager === agent && one.subresource === subresource,
      );
      if (isOurs && (await isCleared(server, resource, { ...metadata, subresource })))
        yield sentence(`cleared ${subresource === '' ? 'annotations' : 'the status'} of`, resource, metadata);
    }
}

/** All that `removeLeftovers` looks for, one entry for each kind. */
export const soughtBy = (namespace: string, { own, made, marked }: Written): readonly string[] => [
  ...own.map(({ resource, names }) => `${resource.kind} in ${namespace}: ${names.join(', ')}`),
  ...made.map(({ resource }) => `${resource.kind} with ${owned.labelSelector}`),
  ...marked.map(({ kind, subresource }) =>
    subresource === '' ? `annotations of ${kind.resource.kind}` : `status of ${kind.resource.kind}`,
  ),
];

/** In the first version that the cluster serves: an agent has written in that one too. */
async function* objectsOf(
  server: ApiServer,
  { resource, olderVersions }: WrittenKind,
  selector: Readonly<Record<string, string>>,
): AsyncGenerator<Found> {
  for (const version of [resource.version, ...olderVersions]) {
    const served = { ...resource, version };
    const query = { ...selector, limit: '500' };
    const first = await known(() => server.list(served, query));
    if (first === undefined) continue;
    for (
      let page: Page | undefined = first;
      page !== undefined;
      page = await nextOf(server, served, query, page)
    )
      for (const item of page.items) {
        const read = listed.safeParse(item);
        if (read.success) yield { resource: served, metadata: read.data.metadata };
      }
    return;
  }
}

/** Undefined after the last page. */
const nextOf = async (
  server: ApiServer,
  resource: Resource,
  query: Query,
  page: Page,
): Promise<Page | undefined> =>
  page.continue === ''
    ? undefined
    : known(() => server.list(resource, { ...query, continue: page.continue }));

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
