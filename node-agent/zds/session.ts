import { zdsAnswer, zdsHello, zdsRequest, type ZdsPod, type ZdsRequest } from '@isthmus/api/wire/zds.ts';
import { err, ok, type Result } from '@isthmus/mesh/result.ts';

/** A pod that proxies are to listen in. */
export interface Listed extends ZdsPod {
  /** `device:inode` of its namespace, which tells a pod's new sandbox from its old one. */
  readonly identity: string;
  /** Counts the times that it was listed: one that was refused is asked for again only when it was listed again. */
  readonly turn: number;
}

/** What a proxy has answered about a pod. */
export interface Answered {
  readonly identity: string;
  readonly turn: number;
  readonly problem: string | undefined;
}

/** A packet for the proxy. `listed`: the pod whose namespace goes with it. */
export interface Outgoing {
  readonly bytes: Uint8Array;
  readonly listed: Listed | undefined;
}

/** What a packet of the proxy has changed. */
export type Heard =
  { readonly about: 'HELLO' | 'SNAPSHOT' } | { readonly about: 'POD'; readonly uid: string };

/**
 * One proxy's connection, without its socket: what to send it, and what its packets say. One request at a time, as the
 * protocol has it. What is listed is compared with what the proxy has answered, so a pod that changes many times while
 * one answer is awaited is asked for once. SnapshotSent follows once everything that is listed has been answered.
 */
export class ZdsSession {
  readonly #listed: ReadonlyMap<string, Listed>;
  readonly #answered = new Map<string, Answered>();
  /** Pods that are to be compared; each once. */
  readonly #touched = new Set<string>();
  #phase: 'HELLO' | 'SNAPSHOT' | 'FOLLOWS' = 'HELLO';
  #asked: { readonly request: ZdsRequest; readonly listed: Listed | undefined } | undefined;

  /** `listed`: of the server, which calls `touch` for each change of it. */
  constructor(listed: ReadonlyMap<string, Listed>) {
    this.#listed = listed;
  }

  /** It has said hello. */
  get isReady(): boolean {
    return this.#phase !== 'HELLO';
  }

  /** It has everything that was listed when it connected. */
  get follows(): boolean {
    return this.#phase === 'FOLLOWS';
  }

  /** An answer is awaited, or the hello. */
  get awaits(): boolean {
    return this.#asked !== undefined || this.#phase === 'HELLO';
  }

  touch(uid: string): void {
    if (this.#phase !== 'HELLO') this.#touched.add(uid);
  }

  answered(uid: string): Answered | undefined {
    return this.#answered.get(uid);
  }

  /** Whether it still has a pod, or may have it. */
  mayHave(uid: string): boolean {
    const { request } = this.#asked ?? {};
    return (
      this.#answered.get(uid)?.problem === undefined &&
      (this.#answered.has(uid) || (request?.kind === 'add' && request.pod.uid === uid))
    );
  }

  /** The next packet; undefined: none before it answers, or before something changes. */
  next(): Outgoing | undefined {
    if (this.awaits) return undefined;
    for (const uid of this.#touched) {
      const request = this.#requestFor(uid);
      if (request) return this.#ask(request);
      this.#touched.delete(uid);
    }
    return this.#phase === 'SNAPSHOT' ? this.#ask({ kind: 'snapshot-sent' }) : undefined;
  }

  /** What a packet says. The error is one sentence: the connection is to be closed. */
  received(bytes: Uint8Array): Result<Heard, string> {
    if (this.#phase === 'HELLO') return this.#hello(bytes);
    if (!this.#asked) return err('it answered what it was not asked');
    const answer = zdsAnswer.decode(bytes);
    if (!answer.ok) return err(`its answer cannot be read: ${answer.error}`);
    const { request, listed } = this.#asked;
    this.#asked = undefined;
    return this.#take(request, listed, answer.value.problem);
  }

  #hello(bytes: Uint8Array): Result<Heard, string> {
    const hello = zdsHello.decode(bytes);
    if (!hello.ok) return err(`its first packet is no hello: ${hello.error}`);
    this.#phase = 'SNAPSHOT';
    for (const uid of this.#listed.keys()) this.#touched.add(uid);
    return ok({ about: 'HELLO' });
  }

  #take(request: ZdsRequest, listed: Listed | undefined, problem: string | undefined): Result<Heard, string> {
    if (request.kind === 'snapshot-sent') {
      if (problem !== undefined) return err(`it refused SnapshotSent: ${problem}`);
      this.#phase = 'FOLLOWS';
      return ok({ about: 'SNAPSHOT' });
    }
    const uid = request.kind === 'add' ? request.pod.uid : request.uid;
    if (request.kind === 'add' && listed)
      this.#answered.set(uid, { identity: listed.identity, turn: listed.turn, problem });
    // One that it could not remove is not asked for again: it does not have it.
    else this.#answered.delete(uid);
    return ok({ about: 'POD', uid });
  }

  #ask(request: ZdsRequest): Outgoing {
    const listed = request.kind === 'add' ? this.#listed.get(request.pod.uid) : undefined;
    this.#asked = { request, listed };
    return { bytes: zdsRequest.encode(request), listed };
  }

  #requestFor(uid: string): ZdsRequest | undefined {
    const listed = this.#listed.get(uid);
    const known = this.#answered.get(uid);
    const has = known?.problem === undefined ? known : undefined;
    if (!listed) return has ? { kind: 'del', uid } : undefined;
    if (has) return has.identity === listed.identity ? undefined : { kind: 'del', uid };
    const { name, namespace, serviceAccount } = listed;
    return known?.turn === listed.turn
      ? undefined
      : { kind: 'add', pod: { uid, name, namespace, serviceAccount } };
  }
}
