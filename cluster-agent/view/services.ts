import type { Metadata, PodObject, ServiceObject } from '@isthmus/api/kubernetes/objects.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { Change } from '../keys/change-set.ts';
import { serviceKeyOf, type ServiceKey } from '../keys/names.ts';
import { isGatewayService } from './gateways.ts';
import { Selectors } from './selectors.ts';
import { Sets } from './sets.ts';

/** What selectors are asked for. */
export interface Selected {
  readonly metadata: Pick<Metadata, 'namespace' | 'labels'>;
}

/** The services of the cluster: by key, by namespace, by port, and by the pods that they select. */
export class Services {
  readonly #all = new Map<ServiceKey, ServiceObject>();
  readonly #byNamespace = new Sets<string, ServiceKey>();
  readonly #byPort = new Sets<number, ServiceKey>();
  readonly #selectors = new Selectors<ServiceKey>();
  readonly #gateways = new Map<ServiceKey, ServiceObject>();

  update({ before, after }: Change<ServiceObject>): void {
    const some = after ?? before;
    if (!some) return;
    const { namespace } = some.metadata;
    const key = serviceKeyOf(some.metadata);
    if (after) this.#all.set(key, after);
    else this.#all.delete(key);
    if (!before) this.#byNamespace.add(namespace, key);
    if (!after) this.#byNamespace.delete(namespace, key);
    this.#byPort.move(key, portsOf(before), portsOf(after));
    if (after && hasSelector(after)) this.#selectors.set(key, namespace, after.selector);
    else this.#selectors.delete(key);
    if (after && isGatewayService(after)) this.#gateways.set(key, after);
    else this.#gateways.delete(key);
  }

  get(key: ServiceKey): ServiceObject | undefined {
    return this.#all.get(key);
  }

  inNamespace(namespace: string): Iterable<ServiceObject> {
    return this.#named(this.#byNamespace.get(namespace));
  }

  withPort(port: number): Iterable<ServiceObject> {
    return this.#named(this.#byPort.get(port));
  }

  /** Each port of any service once. */
  ports(): Iterable<number> {
    return this.#byPort.keys();
  }

  /** Those of the cluster's east-west gateways. */
  get gateways(): Iterable<ServiceObject> {
    return { [Symbol.iterator]: () => this.#gateways.values() };
  }

  /** Whether a gateway's service selects the pod. */
  isGateway(pod: PodObject): boolean {
    if (this.#gateways.size === 0 || pod.metadata.namespace !== rootNamespace || pod.finished) return false;
    for (const service of this.selecting(pod)) if (isGatewayService(service)) return true;
    return false;
  }

  /** Whose selector the pod's labels meet. */
  selecting(pod: Selected): Iterable<ServiceObject> {
    return this.#named(this.keysSelecting(pod));
  }

  /** The same by their keys. */
  keysSelecting({ metadata }: Selected): Iterable<ServiceKey> {
    return this.#selectors.selecting(metadata.namespace, metadata.labels);
  }

  *#named(keys: Iterable<ServiceKey>): Iterable<ServiceObject> {
    for (const key of keys) {
      const service = this.#all.get(key);
      if (service) yield service;
    }
  }
}

/** A service without one has its endpoints from EndpointSlices. */
export const hasSelector = ({ selector }: ServiceObject): boolean => {
  for (const _ in selector) return true;
  return false;
};

/** An ExternalName is a name for something elsewhere, and no service of the cluster. */
export const isOfCluster = (service: ServiceObject | undefined): service is ServiceObject =>
  service !== undefined && service.type !== 'ExternalName';

const portsOf = (service: ServiceObject | undefined): readonly number[] =>
  service?.ports.map(({ port }) => port) ?? [];
