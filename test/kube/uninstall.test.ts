import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import { secrets } from '@isthmus/api/kube/resources.ts';
import { foreignKinds, uninstallAccess } from '@isthmus/cluster-agent/access.ts';
import { writtenKinds } from '@isthmus/cluster-agent/status/written-kinds.ts';
import { fieldManager, ownLabels } from '@isthmus/cluster-agent/status/written-object.ts';
import { definitionOf } from '../../charts/definition.ts';
import { until } from '../fakes/agent.ts';
import { agentNamespace, makeAgentNamespace, services } from './agent-world.ts';
import { allow } from './allow.ts';
import { definitions } from './foreign-crds.ts';
import { withApiServer, type StartedApiServer } from './start-api-server.ts';

const program = join(import.meta.dirname, '../../cluster-agent/uninstall.ts');
const namespaces: Resource = { ...secrets, kind: 'Namespace', plural: 'namespaces', isNamespaced: false };
const parts = Array.from({ length: 8 }, (_, number) => `isthmus-allocations-${number}`);
const place = { namespace: 'shop', name: 'cart' };

/** Only the oldest version of each foreign kind, as a cluster with definitions of some years ago has it. */
async function installOldest(server: ApiServer): Promise<ReadonlyMap<string, Resource>> {
  const served = new Map<string, Resource>();
  for (const kind of foreignKinds) {
    const definition = definitionOf(kind) as { spec: { versions: readonly { readonly name: string }[] } };
    const oldest = { ...definition.spec.versions.at(-1), name: definition.spec.versions.at(-1)?.name ?? '' };
    const spec = { ...definition.spec, versions: [{ ...oldest, served: true, storage: true }] };
    await server.create(definitions, '', { ...definition, spec });
    const resource = { ...kind, version: oldest.name };
    served.set(kind.kind, resource);
    await until(() =>
      server.list(resource, { limit: '1' }).then(
        () => true,
        () => false,
      ),
    );
  }
  return served;
}

const uninstall = (started: StartedApiServer) =>
  new Promise<{ readonly status: unknown; readonly log: string }>((resolve) => {
    const words = [program, '--kubernetes', started.kubeconfig('agent'), '--namespace', agentNamespace];
    execFile(process.execPath, words, (error, out, err) =>
      resolve({ status: error ? error.code : 0, log: `${out}${err}` }),
    );
  });

withApiServer('the uninstall of a cluster, as a process, with the role of its chart', (started) => {
  it('removes what agents wrote, also from kinds that the cluster serves in an older version alone', async () => {
    const { server } = started().client();
    await makeAgentNamespace(server);
    await allow(server, uninstallAccess, agentNamespace);
    await server.create(namespaces, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    const served = await installOldest(server);
    const of = (kind: string) => served.get(kind) ?? assert.fail(kind);
    const typed = ({ group, version, kind }: Resource) => ({
      apiVersion: group === '' ? version : `${group}/${version}`,
      kind,
    });
    const make = (resource: Resource, metadata: object, body: object = {}) =>
      server.create(resource, 'shop', { ...typed(resource), metadata: { ...place, ...metadata }, ...body });
    const apply = (resource: Resource, subresource: '' | 'status', said: object) =>
      server.patch(
        resource,
        { ...place, subresource },
        { how: 'apply', fieldManager, force: true },
        {
          ...typed(resource),
          metadata: place,
          ...said,
        },
      );
    await make(of('ServiceImport'), { labels: ownLabels });
    await make(of('ServiceImport'), { name: 'written-by-hand' });
    await make(services, { annotations: { team: 'shop' } }, { spec: { ports: [{ port: 80 }] } });
    await apply(services, '', {
      metadata: { ...place, annotations: { ['isthmus.io/export-status']: 'accepted' } },
    });
    const withStatus = ['AuthorizationPolicy', 'PeerAuthentication', 'ServiceExport'];
    for (const kind of withStatus) {
      await make(of(kind), {});
      await apply(of(kind), 'status', { status: { conditions: [] } });
    }
    const state = { namespace: agentNamespace, name: 'isthmus-agent-state' };
    await server.create(secrets, agentNamespace, { ...typed(secrets), metadata: state });

    const { status, log } = await uninstall(started());
    assert.equal(status, 0, log);
    const last = JSON.parse(log.trim().split('\n').at(-1) ?? '') as {
      count: number;
      lookedFor: readonly string[];
    };
    assert.equal(last.count, 6);
    assert.deepEqual(last.lookedFor, [
      'Secret in isthmus-system: isthmus-agent-state',
      `ConfigMap in isthmus-system: isthmus-xds-root, ${parts.join(', ')}`,
      'Lease in isthmus-system: isthmus-agent',
      'ServiceImport with app.kubernetes.io/managed-by=isthmus-agent',
      'Event with app.kubernetes.io/managed-by=isthmus-agent',
      'annotations of Service',
      ...[...withStatus, 'ServiceImport'].map((kind) => `status of ${kind}`),
    ]);
    const imports = await server.list(of('ServiceImport'), {});
    assert.deepEqual(
      imports.items.map((one) => (one as { metadata: { name: string } }).metadata.name),
      ['written-by-hand'],
    );
    const service = (await server.get(services, place)) as { metadata: { annotations: object } };
    assert.deepEqual(service.metadata.annotations, { team: 'shop' });
    for (const kind of withStatus)
      assert.equal(((await server.get(of(kind), place)) as { status?: object }).status, undefined, kind);
    await assert.rejects(server.get(secrets, state), { code: 'API_NOT_FOUND' });
    assert.equal((await server.list(writtenKinds.Event.resource, {})).items.length, 0);
  });
});
