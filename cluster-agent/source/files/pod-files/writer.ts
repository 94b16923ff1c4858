import { isDeepStrictEqual } from 'node:util';
import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import { contentVersion } from '@isthmus/api/wire/binary.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import { isProvenBy } from '../../../health/judge.ts';
import type { Health } from '../../../health/tracker.ts';
import { namespaceOf, podKey, type PodKey } from '../../../keys/names.ts';
import type { Delta, Subscriber } from '../../../publish/delta.ts';
import type { ClusterView } from '../../../view/cluster-view.ts';
import { modeOf } from '../../../view/mode.ts';
import { nodeProxyOf } from '../../../view/node-proxy.ts';
import type { ProjectedTokens } from '../tokens.ts';
import { environmentOf, type PodFiles } from './pod-files.ts';
import { podsReachedBy } from './reached.ts';
import { TokenRenewals } from './token-renewals.ts';
import { Variables, type VariablesDeps } from './variables.ts';

interface Deps extends VariablesDeps {
  readonly files: PodFiles;
  readonly view: ClusterView;
  readonly health: () => Pick<Health, 'of'>;
  readonly tokens: Pick<ProjectedTokens, 'issue'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Runs something in this turn of the event loop, after what is running. */
  readonly turn: (run: () => void) => unknown;
}

const tokenSeconds = 12 * 3600;
/** A token is written again at half of its life. */
const renewMillis = (tokenSeconds / 2) * 1000;
/** Pods whose files are written in one turn of the event loop; their tokens are signed at the same time. */
const podsInTurn = 16;
const againMillis = 1000;

/** What the files of a pod say. */
interface Written {
  /** Of the environment. */
  readonly version: string;
  /** Whom the token is for, beside the pod's name; undefined: there is none. */
  readonly token: TokenOf | undefined;
}

type TokenOf = Pick<PodObject, 'serviceAccount' | 'nodeName'> & { readonly uid: string };

const nothing: Written = { version: '', token: undefined };

/**
 * Gives each pod of a files cluster what its processes start with, follows its changes, and renews its token. Only pods
 * that a delta reaches are looked at.
 */
export class PodFilesWriter implements Subscriber {
  readonly #deps: Deps;
  readonly #variables: Variables;
  readonly #renewals: TokenRenewals;
  readonly #written = new Map<PodKey, Written>();
  /** Pods whose files may not be as they should, in the order in which they are written. */
  readonly #queue = new Set<PodKey>();
  readonly #failed = new Set<PodKey>();
  #writing: Promise<void> | undefined;
  /** How many pods were looked at since the start. */
  looked = 0;

  /** Files of an earlier start are looked at with the first delta. */
  constructor(deps: Deps) {
    this.#deps = deps;
    this.#variables = new Variables(deps);
    this.#renewals = new TokenRenewals(deps.clock, (pods) => this.#enqueue(pods));
    for (const pod of deps.files.pods()) this.#queue.add(pod);
  }

  published({ keys }: Pick<Delta, 'keys'>): void {
    const { view } = this.#deps;
    for (const touched of keys) {
      if (touched.kind === 'service' || touched.kind === 'remotes')
        this.#variables.forget(namespaceOf(touched.service));
      if (touched.kind === 'vips') this.#variables.forgetAll();
      for (const pod of podsReachedBy(touched, view)) this.#queue.add(pod);
    }
    this.#start();
  }

  /** Resolves when nothing is to be written, but for what failed. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  #enqueue(pods: Iterable<PodKey>): void {
    for (const pod of pods) this.#queue.add(pod);
    this.#start();
  }

  #start(): void {
    if (this.#writing || this.#queue.size === 0) return;
    this.#writing = this.#writeAll().finally(() => {
      this.#writing = undefined;
      this.#start();
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#queue.size > 0) {
      await new Promise<void>((resolve) => void this.#deps.turn(resolve));
      await Promise.all(this.#take(podsInTurn).map((pod) => this.#write(pod)));
    }
    // In memory they would be a copy of all files.
    this.#variables.forgetAll();
  }

  #take(count: number): readonly PodKey[] {
    const pods: PodKey[] = [];
    for (const pod of this.#queue) {
      if (pods.length === count) break;
      pods.push(pod);
      this.#queue.delete(pod);
    }
    return pods;
  }

  /** A pod whose files cannot be written is tried again, and holds up no other. */
  async #write(key: PodKey): Promise<void> {
    const { view, files, log } = this.#deps;
    this.looked++;
    const pod = view.podNamed(key);
    try {
      if (pod && pod.podIP !== '') await this.#writeOne(pod);
      else {
        files.remove(key);
        this.#written.delete(key);
        this.#renewals.forget(key);
      }
    } catch (error) {
      log.error({ pod: key, error: String(error) }, 'files of a pod are not written; it will be tried again');
      this.#again(key);
    }
  }

  #again(pod: PodKey): void {
    this.#failed.add(pod);
    if (this.#failed.size > 1) return;
    this.#deps.clock.after(againMillis, () => {
      const failed = [...this.#failed];
      this.#failed.clear();
      this.#enqueue(failed);
    });
  }

  async #writeOne(pod: PodObject): Promise<void> {
    const { tokens, files } = this.#deps;
    const key = podKey(pod.metadata);
    const { namespace, name, uid } = pod.metadata;
    const caller = { namespace, serviceAccount: pod.serviceAccount, pod: { name, uid }, node: pod.nodeName };
    const token = { uid, serviceAccount: pod.serviceAccount, nodeName: pod.nodeName };
    const written = this.#written.get(key) ?? nothing;
    // A token without a node is refused everywhere; the pod is reported for it.
    if (pod.nodeName !== '' && (!isDeepStrictEqual(written.token, token) || this.#renewals.isDue(key))) {
      files.writeToken(key, await tokens.issue(caller, tokenSeconds));
      this.#renewals.written(key, renewMillis);
    }
    const proxy = this.#proxyOf(pod);
    const environment = environmentOf(pod, proxy === undefined ? '' : this.#variables.of(namespace, proxy));
    const version = contentVersion(Buffer.from(environment));
    if (written.version !== version) files.writeEnvironment(key, environment);
    this.#written.set(key, { version, token: pod.nodeName === '' ? undefined : token });
  }

  #proxyOf(pod: PodObject): PodKey | undefined {
    const { view, health } = this.#deps;
    const proxy = {
      SIDECAR: () => pod,
      AMBIENT: () => nodeProxyOf(view, pod.nodeName, (one) => isProvenBy(health().of(pod), one)),
      NONE: () => undefined,
    };
    const serving = proxy[modeOf(view, pod)]();
    return serving && podKey(serving.metadata);
  }
}
