import { isIP } from 'node:net';
import type { ApiServer, Listed } from '@isthmus/api/kube/api-server.ts';
import type { Trouble } from '@isthmus/api/kube/reflection.ts';
import { Reflector } from '@isthmus/api/kube/reflector.ts';
import { hostPort } from '@isthmus/mesh/net/host-port.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { err, ok } from '@isthmus/mesh/result.ts';
import type { AddressUnknown, Outside, OutsideAddresses, OutsideProblem, Whereabouts } from './outside.ts';
import { ResolvedNames, type Resolve } from './resolved-names.ts';
import { serviceAddresses, type ServiceAddresses } from './service-addresses.ts';

/** An object of the API by its namespace and name. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

interface Deps {
  readonly server: Pick<ApiServer, 'list' | 'watch'>;
  readonly service: ObjectName;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const services: Omit<Listed, 'namespace'> = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  isNamespaced: true,
};

/**
 * Where the Service before the hub is reached: followed in the API, its host names resolved. While the API does not answer,
 * the addresses that were read last count; when the Service is deleted, there are none.
 */
export class ServiceOutside implements Outside {
  readonly #deps: Deps;
  readonly #text: string;
  readonly #reflector: Reflector;
  readonly #names: ResolvedNames;
  readonly #listeners = new Set<() => void>();
  /** As the API has it; undefined: there is none. */
  #object: object | undefined;
  #current: Whereabouts;

  constructor(deps: Deps) {
    const { server, service, resolve, clock, random } = deps;
    this.#deps = deps;
    this.#text = `${service.namespace}/${service.name}`;
    this.#current = err(this.#notRead());
    this.#names = new ResolvedNames({ resolve, clock, onChange: () => this.#update() });
    this.#reflector = new Reflector({
      server,
      resource: { ...services, namespace: service.namespace },
      query: { fieldSelector: `metadata.name=${service.name}` },
      clock,
      random,
      onChanges: (changes) => {
        for (const change of changes) this.#object = change.type === 'put' ? change.object : undefined;
        this.#update();
      },
    });
  }

  get current(): Whereabouts {
    return this.#current;
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#names.stop(), { once: true });
    await this.#reflector.run(signal);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  problems(): readonly OutsideProblem[] {
    const { trouble } = this.#reflector;
    return [...(trouble ? [this.#unread(trouble)] : []), ...this.#ofAddresses()];
  }

  #unread({ verb, failure }: Trouble): OutsideProblem {
    const since =
      this.#reflector.known === 'UNKNOWN'
        ? 'it has not read it since it started'
        : 'it goes on with what it read last';
    return this.#warning(
      'HUB_SERVICE_UNREAD',
      `the hub cannot ${verb} this Service (${failure.message}): ${since}`,
      'let the service account of the hub get, list and watch this Service, and look at the API server',
    );
  }

  #ofAddresses(): readonly OutsideProblem[] {
    if (!this.#current.ok) {
      const { message, remedy } = this.#current.error;
      const what = `it is not known where clusters reach this hub: ${message}; no join token can be made`;
      return [this.#warning('HUB_ADDRESS_UNKNOWN', what, remedy)];
    }
    return this.#current.value.unresolved.map((name) =>
      this.#warning(
        'HUB_ADDRESS_UNRESOLVED',
        `the host name ${name} of the load balancer of the hub cannot be resolved here, so clusters may not reach the hub by it`,
        'wait a few minutes after the load balancer was made; then look at the DNS of the load balancer and of this cluster',
      ),
    );
  }

  #warning(reason: string, message: string, remedy: string): OutsideProblem {
    return { severity: 'WARNING', reason, object: `Service ${this.#text}`, message, remedy };
  }

  #update(): void {
    const next = this.#whereabouts();
    if (JSON.stringify(next) === JSON.stringify(this.#current)) return;
    this.#current = next;
    if (next.ok)
      this.#deps.log.info(
        { link: next.value.link, join: next.value.join },
        'the hub is reached from outside at these addresses',
      );
    else this.#deps.log.warn({ why: next.error.message }, 'it is not known where clusters reach this hub');
    for (const listener of [...this.#listeners]) listener();
  }

  #whereabouts(): Whereabouts {
    if (this.#reflector.known === 'UNKNOWN') return err(this.#notRead());
    if (this.#object === undefined) {
      this.#names.follow([]);
      return err({
        message: `there is no Service ${this.#text}`,
        remedy: 'make it, or name the one before the hub with --outside-service',
      });
    }
    const read = serviceAddresses(this.#text, this.#object);
    this.#names.follow(read.ok ? read.value.hosts : []);
    return read.ok ? ok(this.#addresses(read.value)) : read;
  }

  #addresses({ hosts, linkPort, joinPort }: ServiceAddresses): OutsideAddresses {
    const names = hosts.filter((host) => isIP(host) === 0);
    const failing = new Set(this.#names.failing);
    return {
      link: hosts.map((host) => hostPort(host, linkPort)),
      join: hosts.map((host) => hostPort(host, joinPort)),
      hosts: [...new Set([...hosts, ...names.flatMap((name) => this.#names.addressesOf(name))])],
      unresolved: names.filter((name) => failing.has(name)),
    };
  }

  #notRead(): AddressUnknown {
    return {
      message: `Service ${this.#text} has not been read yet`,
      remedy: 'wait a moment; isthmus check says if the API server does not answer',
    };
  }
}
