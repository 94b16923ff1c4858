import { parseObjectId } from '@isthmus/api/kubernetes/objects.ts';
import type { ChangeSet, Stored } from '../keys/change-set.ts';
import { refOfService, serviceKeyOf, type Ref, type ServiceKey } from '../keys/names.ts';
import type { HubResources } from '../view/hub-resources.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { exportAnnotation, exportNote, exportState } from './exported-service.ts';
import type { Target } from './written-object.ts';

/** What targets are found in. */
export interface TargetWorld {
  readonly cluster: string;
  readonly view: ClusterView;
  readonly hub: Pick<HubResources, 'grantOf' | 'remotesOf' | 'remotesIn' | 'remoteServices'>;
}

const policyKinds: ReadonlySet<string> = new Set(['AuthorizationPolicy', 'PeerAuthentication']);

/** Objects of which something else may have to be said after these keys were touched. Policies follow from their coverage, too. */
export function* targetsTouched(keys: ChangeSet, world: TargetWorld): Iterable<Target> {
  const services = new Map<ServiceKey, Ref>();
  /** Those of which there may have been a ServiceImport. */
  const imported = new Set<ServiceKey>();
  const add = (ref: Ref | undefined, isImported = false) => {
    if (!ref) return;
    const key = serviceKeyOf(ref);
    services.set(key, ref);
    if (isImported) imported.add(key);
  };
  for (const key of keys)
    switch (key.kind) {
      case 'rejected':
        yield* policyOf(key.origin);
        break;
      case 'service':
      case 'serviceExport':
      case 'addresses':
        add(refOfService(key.service));
        break;
      case 'remotes':
        add(refOfService(key.service), true);
        break;
      case 'hub':
        if (key.type === 'grant') for (const form of keys.formsOf(key)) add(refOf(form), true);
        break;
      case 'namespace':
        for (const ref of inNamespace(key.namespace, world)) add(ref);
        break;
      default:
    }
  for (const [key, ref] of services)
    yield* ofService(ref, world, imported.has(key) || isImported(key, world));
}

/** All objects of which something is said. ServiceImports that are no longer to be are found in the API. */
export function* allTargets(world: TargetWorld): Iterable<Target> {
  const { view, hub } = world;
  for (const kind of ['AuthorizationPolicy', 'PeerAuthentication'] as const)
    for (const { metadata } of view.all(kind)) yield { kind, ...placeOf(metadata) };
  for (const origin of view.rejections.origins()) yield* policyOf(origin);
  const services = new Map<ServiceKey, Ref>();
  for (const kind of ['Service', 'ServiceExport'] as const)
    for (const { metadata } of view.all(kind)) services.set(serviceKeyOf(metadata), metadata);
  for (const key of hub.remoteServices()) {
    const ref = refOfService(key);
    if (ref) services.set(key, ref);
  }
  for (const [key, ref] of services) yield* ofService(ref, world, isImported(key, world));
}

const isImported = (key: ServiceKey, { hub }: TargetWorld): boolean =>
  hub.grantOf(key) !== undefined || hub.remotesOf(key).length > 0;

function* policyOf(origin: string): Iterable<Target> {
  const target = parseObjectId(origin);
  if (target && policyKinds.has(target.kind)) yield target;
}

/** A Service only where its annotation is another one: most are not exported, and need not be read. */
function* ofService(ref: Ref, world: TargetWorld, imported: boolean): Iterable<Target> {
  const { view } = world;
  const place = placeOf(ref);
  const key = serviceKeyOf(ref);
  const service = view.service(key);
  if (service && service.metadata.annotations[exportAnnotation] !== exportNote(exportState(ref, world)))
    yield { kind: 'Service', ...place };
  if (view.exportOf(key)) yield { kind: 'ServiceExport', ...place };
  if (imported && view.namespace(ref.namespace)) yield { kind: 'ServiceImport', ...place };
}

/** Services that others have in a namespace, and its own. */
function* inNamespace(namespace: string, { view, hub }: TargetWorld): Iterable<Ref> {
  yield* hub.remotesIn(namespace);
  for (const { metadata } of view.servicesIn(namespace))
    if (hub.grantOf(serviceKeyOf(metadata))) yield metadata;
}

const refOf = (form: Stored): Ref | undefined =>
  'namespace' in form && 'name' in form ? { namespace: form.namespace, name: form.name } : undefined;

const placeOf = ({ namespace, name }: Ref): Ref => ({ namespace, name });
