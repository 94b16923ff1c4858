import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import { serviceKeyOf, type ServiceKey } from '../../../keys/names.ts';
import type { HubResources } from '../../../view/hub-resources.ts';
import type { ClusterView } from '../../../view/cluster-view.ts';
import type { Allocations } from '../allocations.ts';

export interface VariablesDeps {
  readonly view: Pick<ClusterView, 'servicesIn'>;
  readonly hub: Pick<HubResources, 'remotesIn'>;
  readonly allocations: Pick<Allocations, 'vip'>;
}

/** A service as the processes of a namespace find it, with the address that their proxy has for it. */
interface Found {
  readonly key: ServiceKey;
  readonly name: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
}

/**
 * The variables that name services, for all services that a namespace has here or elsewhere, at one proxy. Each text is
 * made once for all pods that share it, until it is forgotten.
 */
export class Variables {
  readonly #deps: VariablesDeps;
  readonly #found = new Map<string, readonly Found[]>();
  readonly #texts = new Map<string, Map<string, string>>();

  constructor(deps: VariablesDeps) {
    this.#deps = deps;
  }

  /** One `NAME=value` a line, each with its end. `proxy`: `<namespace>/<pod>`. */
  of(namespace: string, proxy: string): string {
    const texts = this.#texts.get(namespace) ?? new Map<string, string>();
    this.#texts.set(namespace, texts);
    const text = texts.get(proxy) ?? this.#textFor(namespace, proxy);
    texts.set(proxy, text);
    return text;
  }

  /** The services of the namespace, or their addresses, may be others. */
  forget(namespace: string): void {
    this.#found.delete(namespace);
    this.#texts.delete(namespace);
  }

  forgetAll(): void {
    this.#found.clear();
    this.#texts.clear();
  }

  #textFor(namespace: string, proxy: string): string {
    const lines = this.#foundIn(namespace).flatMap((service) => {
      // A proxy that is full captures nothing for it.
      const address = this.#deps.allocations.vip(proxy, service.key);
      return address.ok ? linesOf(service, address.value) : [];
    });
    return lines.map((line) => `${line}\n`).join('');
  }

  #foundIn(namespace: string): readonly Found[] {
    const known = this.#found.get(namespace);
    if (known) return known;
    const found = [...foundIn(this.#deps, namespace)];
    this.#found.set(namespace, found);
    return found;
  }
}

/** Those of this cluster first; of a name that it has itself, nothing of others. */
function* foundIn({ view, hub }: VariablesDeps, namespace: string): Iterable<Found> {
  const names = new Set<string>();
  for (const { metadata, ports, type, headless } of view.servicesIn(namespace)) {
    names.add(metadata.name);
    if (type !== 'ExternalName' && !headless)
      yield { key: serviceKeyOf(metadata), name: metadata.name, ports };
  }
  const elsewhere = new Map<string, RemoteService>();
  for (const remote of hub.remotesIn(namespace))
    if (!names.has(remote.name)) elsewhere.set(remote.name, remote);
  for (const [name, { ports }] of elsewhere) yield { key: serviceKeyOf({ namespace, name }), name, ports };
}

/** As Kubernetes names them: upper case, dashes to underscores. */
function linesOf({ name, ports }: Found, address: string): readonly string[] {
  const [first] = ports;
  if (!first) return [];
  const own = upper(name);
  return [
    `${own}_SERVICE_HOST=${address}`,
    `${own}_SERVICE_PORT=${first.port}`,
    ...ports
      .filter((port) => port.name !== '')
      .map((port) => `${own}_SERVICE_PORT_${upper(port.name)}=${port.port}`),
  ];
}

const upper = (text: string): string => text.toUpperCase().replace(/[-.]/g, '_');
