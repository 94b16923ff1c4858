import { zdsMaxBytes } from '@isthmus/api/wire/zds.ts';
import { closeDescriptor } from '@isthmus/mesh/native/native.ts';
import type { NamespaceDescriptor } from '@isthmus/mesh/native/namespace.ts';
import { PacketListener, type Packet, type PacketConnection } from '@isthmus/mesh/native/packets.ts';
import type { Clock, Timer } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Listening } from './listening.ts';
import { ZdsSession, type Listed } from './session.ts';

/** Two proxies during an upgrade, and some that have yet to notice that they have ended. */
export const maxConnections = 8;
/** For a hello, and for each answer. */
export const answerMillis = 10_000;

interface Deps {
  readonly clock: Clock;
  readonly log: Log;
  /** Whether proxies listen in a pod is another thing now. */
  readonly onListening: (uid: string) => void;
}

interface Proxy {
  readonly connection: PacketConnection;
  readonly session: ZdsSession;
  /** Ends it when it does not answer in time. */
  timer: Timer | undefined;
}

interface Held {
  readonly listed: Listed;
  readonly namespace: NamespaceDescriptor;
}

/** The pods of a node for its proxies, by ZDS: unmodified ztunnels of Istio's, and ours. */
export class ZdsServer {
  readonly #deps: Deps;
  readonly #held = new Map<string, Held>();
  readonly #listed = new Map<string, Listed>();
  readonly #proxies = new Set<Proxy>();
  /** Called once no proxy has the pod any more. */
  readonly #leaving = new Map<string, (() => void)[]>();
  #listener: PacketListener | undefined;
  #turn = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Proxies are let in from now on: not before everything that was captured is listed. NATIVE_SOCKET. */
  listen(path: string): void {
    this.#listener = new PacketListener(path, (connection) => this.#connected(connection));
  }

  get isListening(): boolean {
    return this.#listener !== undefined;
  }

  /** Proxies that have said hello. */
  get proxies(): number {
    return this.#ready().length;
  }

  /** Proxies are to listen in this pod; the namespace's descriptor is held until `unlist`. A pod that is listed is asked for again. */
  list(pod: Omit<Listed, 'turn'>, namespace: NamespaceDescriptor): void {
    const before = this.#held.get(pod.uid);
    if (before && before.namespace !== namespace) closeDescriptor(before.namespace);
    const listed = { ...pod, turn: ++this.#turn };
    this.#held.set(pod.uid, { listed, namespace });
    this.#listed.set(pod.uid, listed);
    this.#touched(pod.uid);
  }

  /** The descriptor of a listed pod's namespace. */
  namespace(uid: string): NamespaceDescriptor | undefined {
    return this.#held.get(uid)?.namespace;
  }

  /** Resolves once no connected proxy has the pod. */
  async unlist(uid: string): Promise<void> {
    const held = this.#held.get(uid);
    if (!held) return;
    this.#held.delete(uid);
    this.#listed.delete(uid);
    const left = new Promise<void>((resolve) => {
      this.#leaving.set(uid, [...(this.#leaving.get(uid) ?? []), resolve]);
    });
    this.#touched(uid);
    this.#look(uid);
    await left;
    closeDescriptor(held.namespace);
  }

  /** What the connected proxies have answered about a pod: YES only when all have. */
  listening(uid: string): Listening {
    const listed = this.#listed.get(uid);
    const ready = this.#ready();
    if (!listed || ready.length === 0) return { is: 'WAITING' };
    const answers = ready.map(({ session }) => session.answered(uid));
    const current = answers.filter((one) => one?.turn === listed.turn || isSame(one, listed));
    const problem = current.find((one) => one?.problem !== undefined)?.problem;
    if (problem !== undefined) return { is: 'REFUSED', problem };
    return { is: current.length === ready.length ? 'YES' : 'WAITING' };
  }

  close(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const proxy of this.#proxies) this.#end(proxy, undefined);
    for (const { namespace } of this.#held.values()) closeDescriptor(namespace);
    this.#held.clear();
    this.#listed.clear();
  }

  #ready(): readonly Proxy[] {
    return [...this.#proxies].filter(({ session }) => session.isReady);
  }

  #connected(connection: PacketConnection): void {
    const [oldest] = [...this.#proxies].filter(({ session }) => !session.isReady);
    if (this.#proxies.size >= maxConnections && oldest)
      this.#end(oldest, 'it gave way to a newer connection before its hello');
    if (this.#proxies.size >= maxConnections) {
      this.#deps.log.warn({ max: maxConnections }, 'a connection of a proxy was refused: there are too many');
      connection.close();
      return;
    }
    const proxy: Proxy = { connection, session: new ZdsSession(this.#listed), timer: undefined };
    this.#proxies.add(proxy);
    this.#await(proxy);
    connection.watch(() => this.#receive(proxy));
  }

  #receive(proxy: Proxy): void {
    while (this.#proxies.has(proxy)) {
      let packet: Packet | undefined;
      try {
        packet = proxy.connection.receive(zdsMaxBytes);
      } catch (error) {
        return this.#end(proxy, String(error));
      }
      if (!packet) return;
      // A proxy sends none.
      for (const descriptor of packet.descriptors) closeDescriptor(descriptor);
      if (packet.bytes.length === 0) return this.#end(proxy, undefined);
      this.#take(proxy, packet);
    }
  }

  #take(proxy: Proxy, { bytes, isCut }: Packet): void {
    const heard = proxy.session.received(bytes);
    if (isCut || !heard.ok)
      return this.#end(
        proxy,
        isCut || heard.ok ? `a packet has more than ${zdsMaxBytes} bytes` : heard.error,
      );
    proxy.timer?.cancel();
    this.#send(proxy);
    if (heard.value.about === 'POD') this.#look(heard.value.uid);
    else if (heard.value.about === 'SNAPSHOT')
      this.#deps.log.info({ pods: this.#listed.size }, 'a proxy has all captured pods of this node');
    else this.#lookAtAll();
  }

  #send(proxy: Proxy): void {
    const outgoing = proxy.session.next();
    if (!outgoing) return;
    const held = outgoing.listed && this.#held.get(outgoing.listed.uid);
    try {
      const isTaken = proxy.connection.send(Buffer.from(outgoing.bytes), held ? [held.namespace] : []);
      if (!isTaken) return this.#end(proxy, 'it takes no packets');
    } catch (error) {
      return this.#end(proxy, String(error));
    }
    this.#await(proxy);
  }

  #await(proxy: Proxy): void {
    proxy.timer?.cancel();
    proxy.timer = this.#deps.clock.after(answerMillis, () =>
      this.#end(proxy, `it did not answer within ${answerMillis} ms`),
    );
  }

  #end(proxy: Proxy, why: string | undefined): void {
    if (!this.#proxies.delete(proxy)) return;
    proxy.timer?.cancel();
    proxy.connection.close();
    if (why === undefined) this.#deps.log.info({}, 'a proxy has closed its connection');
    else this.#deps.log.warn({ why }, 'the connection of a proxy was closed');
    this.#lookAtAll();
  }

  #touched(uid: string): void {
    for (const proxy of this.#proxies) {
      proxy.session.touch(uid);
      this.#send(proxy);
    }
  }

  #lookAtAll(): void {
    for (const uid of [...this.#listed.keys(), ...this.#leaving.keys()]) this.#look(uid);
  }

  #look(uid: string): void {
    if (this.#listed.has(uid)) this.#deps.onListening(uid);
    const isHad = [...this.#proxies].some(({ session }) => session.mayHave(uid));
    if (isHad && !this.#listed.has(uid)) return;
    const leaving = this.#leaving.get(uid) ?? [];
    this.#leaving.delete(uid);
    for (const resolve of leaving) resolve();
  }
}

/** It has answered for this very namespace, and well: that it is listed again changes nothing for it. */
const isSame = (
  answered: { readonly identity: string; readonly problem: string | undefined } | undefined,
  { identity }: Listed,
): boolean => answered?.problem === undefined && answered?.identity === identity;
