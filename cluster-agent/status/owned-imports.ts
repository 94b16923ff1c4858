import { z } from 'zod';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import type { ServedVersions } from './served-versions.ts';
import { writtenKinds } from './written-kinds.ts';
import { ownLabels, type Target } from './written-object.ts';

const pageSize = 500;
/** Most that are looked at: more than a cluster may have services. */
const maxPages = 200;

const named = z.looseObject({ metadata: z.looseObject({ name: z.string(), namespace: z.string() }) });

/**
 * The agent's ServiceImports that the API has, as a replica finds them that begins to lead: what is not imported any more
 * is removed. Throws `ApiFailure`.
 */
export async function* ownedImports(api: ApiServer, served: ServedVersions): AsyncGenerator<Target> {
  const resource = await served.of(writtenKinds.ServiceImport);
  if (resource) yield* pagesOf(api, resource);
}

async function* pagesOf(api: ApiServer, resource: Resource): AsyncGenerator<Target> {
  const labelSelector = Object.entries(ownLabels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  let from = '';
  for (let pages = 0; pages < maxPages; pages++) {
    const page = await api
      .list(resource, { limit: String(pageSize), labelSelector, ...(from !== '' && { continue: from }) })
      .catch(absent);
    for (const item of page?.items ?? []) {
      const read = named.safeParse(item);
      if (read.success) yield { kind: 'ServiceImport', ...place(read.data.metadata) };
    }
    from = page?.continue ?? '';
    if (from === '') return;
  }
}

const place = ({ namespace, name }: { readonly namespace: string; readonly name: string }) => ({
  namespace,
  name,
});

function absent(error: unknown): undefined {
  if (!(error instanceof ApiFailure) || error.code !== 'API_NOT_FOUND') throw error;
}
