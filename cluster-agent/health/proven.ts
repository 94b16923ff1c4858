import type { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { parseClientId, type ClientId } from '../keys/names.ts';
import type { Journal } from '../state/journal.ts';

/**
 * Which proxy last proved that it serves a pod: what holds while its stream is lost, and over a restart of the agent. On
 * disk by the pod's uid, so that a proof costs one record.
 */
export class ProvenProxies {
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #onUnsaved: () => void;
  readonly #byPod = new Map<string, ClientId>();
  /** Pods whose proof is another one than on disk, as it could not be written. */
  readonly #unwritten = new Set<string>();
  #isUnflushed = false;
  #unsaved: string | undefined;

  /** `onUnsaved`: something could not be saved, and is to be tried again. */
  constructor(journal: Journal, log: Log, onUnsaved: () => void = () => undefined) {
    this.#journal = journal;
    this.#log = log;
    this.#onUnsaved = onUnsaved;
    for (const [pod, bytes] of journal.entries()) {
      const proxy = parseClientId(Buffer.from(bytes).toString());
      if (proxy.ok) this.#byPod.set(pod, proxy.value);
    }
  }

  /** By the pod's uid. */
  of(pod: string): ClientId | undefined {
    return this.#byPod.get(pod);
  }

  proxies(): ReadonlySet<ClientId> {
    return new Set(this.#byPod.values());
  }

  get isEmpty(): boolean {
    return this.#byPod.size === 0;
  }

  /** It is known after the agent was killed when this returns. Without a proxy: nothing serves the pod, or it is gone. */
  set(pod: string, proxy: ClientId | undefined): void {
    if (this.#byPod.get(pod) === proxy) return;
    if (proxy === undefined) this.#byPod.delete(pod);
    else this.#byPod.set(pod, proxy);
    this.#unwritten.add(pod);
    // With others that could not be written it is tried again in a second.
    if (this.#unwritten.size === 1) this.#write();
  }

  /** By the pods' uids: those that are not among them are gone. */
  keep(pods: ReadonlySet<string>): void {
    for (const pod of [...this.#byPod.keys()]) if (!pods.has(pod)) this.set(pod, undefined);
  }

  /** Something is not on the disk. */
  get isUnsaved(): boolean {
    return this.#isUnflushed || this.#unwritten.size > 0;
  }

  /** Why, with the file and what to do. */
  get unsaved(): string | undefined {
    return this.#unsaved;
  }

  /** To be called about once a second while something is not saved: a write that failed is tried again, and what was written is flushed. */
  save(): void {
    this.#write();
    if (!this.#isUnflushed) return;
    this.#isUnflushed = false;
    this.#journal.flushed().then(
      () => {
        if (!this.isUnsaved) this.#unsaved = undefined;
      },
      (error: unknown) => {
        this.#isUnflushed = true;
        this.#failed(error as CodedError);
      },
    );
  }

  #write(): void {
    try {
      for (const pod of this.#unwritten) {
        const proxy = this.#byPod.get(pod);
        if (proxy === undefined) this.#journal.remove(pod);
        else this.#journal.put(pod, Buffer.from(proxy));
        this.#unwritten.delete(pod);
        this.#isUnflushed = true;
      }
    } catch (error) {
      this.#failed(error as CodedError);
    }
  }

  #failed({ message }: CodedError): void {
    this.#unsaved = message;
    this.#log.error({ error: message }, 'the health of proxies is not written down; it will be tried again');
    this.#onUnsaved();
  }
}
