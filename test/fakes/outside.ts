import { err, ok } from '@isthmus/mesh/result.ts';
import type {
  AddressUnknown,
  Outside,
  OutsideAddresses,
  Whereabouts,
} from '../../federation/outside/outside.ts';

/** Where a hub is reached, as a test says. */
export class FakeOutside implements Outside {
  current: Whereabouts = ok({
    link: ['127.0.0.1:2'],
    join: ['127.0.0.1:1'],
    hosts: ['127.0.0.1'],
    unresolved: [],
  });
  readonly #listeners = new Set<() => void>();

  problems() {
    return [];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** It is reached here from now on. */
  move(over: Partial<OutsideAddresses>): void {
    const before = this.current.ok ? this.current.value : { link: [], join: [], hosts: [], unresolved: [] };
    this.#set(ok({ ...before, ...over }));
  }

  lose(why: AddressUnknown): void {
    this.#set(err(why));
  }

  #set(next: Whereabouts): void {
    this.current = next;
    for (const listener of [...this.#listeners]) listener();
  }
}
