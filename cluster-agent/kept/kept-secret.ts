import type { Condition } from '@isthmus/api/domain/condition.ts';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Place } from '@isthmus/api/kube/api-server.ts';
import type { ObjectChange } from '@isthmus/api/kube/reflection.ts';
import { Reflector } from '@isthmus/api/kube/reflector.ts';
import { secrets } from '@isthmus/api/kube/resources.ts';
import type { Clock } from '@isthmus/mesh/process/clock.ts';
import type { Log } from '@isthmus/mesh/process/log.ts';
import type { Random } from '@isthmus/mesh/process/random.ts';
import { AgentError } from '../agent-error.ts';
import type { Kept } from './kept.ts';
import { areSame, merged } from './merge.ts';
import { faultIn, readSecret, secretOf, type SeenSecret } from './secret-object.ts';
import { readFiles, writeFiles } from './state-files.ts';
import { TakenLater } from './taken-later.ts';
import { untilAnswered } from './until-answered.ts';

export const secretName = 'isthmus-agent-state';

/**
 * A replica that starts writes, and takes what another one has written before. The leader's files prevail. A follower
 * writes nothing, and takes what is written.
 */
export type KeeperRole = 'STARTING' | 'LEADER' | 'FOLLOWER';

interface Deps {
  readonly server: Pick<ApiServer, 'get' | 'create' | 'replace' | 'list' | 'watch'>;
  readonly namespace: string;
  readonly stateDir: string;
  readonly role: () => KeeperRole;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The files in a Secret beside the agent, one key a file: what a new pod of the agent goes on with. */
export class KeptSecret implements Kept {
  readonly #deps: Deps;
  readonly #place: Place;
  #seen: SeenSecret | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failure: string | undefined;
  readonly #taking: TakenLater;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#taking = new TakenLater(deps);
    this.#place = { namespace: deps.namespace, name: secretName };
  }

  /** A Secret that is not there, or has none of the files, leaves the folder as it is. Throws KEPT_STATE. */
  async restore(): Promise<void> {
    await this.#untilAnswered('read', async () => {
      this.#seen = await this.#get();
    });
    const { data } = this.#seen ?? {};
    if (!data || data.size === 0) return;
    const fault = faultIn(data);
    if (fault !== undefined)
      throw new AgentError(
        'KEPT_STATE',
        `Secret ${this.#named} cannot be used, ${fault}: restore it from a backup, or delete it and let the cluster join again with a new token`,
      );
    // After a restart in the same pod the folder is still there: the highest epoch of the hub may be in it alone.
    const ours = readFiles(this.#deps.stateDir);
    const restored = writeFiles(
      this.#deps.stateDir,
      merged({ base: new Map(), ours, theirs: data }, 'THEIRS'),
    );
    this.#deps.log.info({ secret: this.#named, files: [...data.keys()], restored }, 'state restored');
  }

  keep(): Promise<void> {
    if (!this.#running) {
      this.#running = this.#keep().finally(() => (this.#running = undefined));
      // Who does not wait for it is not to end the process with it.
      this.#running.catch(() => undefined);
      return this.#running;
    }
    // What is being written was read before this call.
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.keep();
      });
    this.#next.catch(() => undefined);
    return this.#next;
  }

  follow(onTaken: (files: readonly string[]) => void): void {
    const { server, namespace, clock, random, signal } = this.#deps;
    const reflector = new Reflector({
      server,
      resource: { ...secrets, namespace },
      query: { fieldSelector: `metadata.name=${secretName}` },
      clock,
      random,
      onChanges: (changes) => {
        for (const change of changes) this.#noticed(change, onTaken);
      },
    });
    void reflector.run(signal);
  }

  conditions(): readonly Condition[] {
    const untaken = this.#taking.conditions(`Secret ${this.#named}`);
    if (this.#failure === undefined) return untaken;
    return [
      ...untaken,
      {
        type: 'StateKept',
        status: 'False',
        reason: 'STATE_NOT_KEPT',
        severity: 'WARNING',
        object: `Secret ${this.#named}`,
        message: `the keys of this cluster are as they are now in the agent's pod alone, and end with it: ${this.#failure}`,
        remedy: `let the agent's role get, create and update Secret ${this.#named}, and check that the API server is reachable and takes it; the agent tries again by itself`,
      },
    ];
  }

  get #named(): string {
    return `${this.#place.namespace}/${this.#place.name}`;
  }

  #noticed(change: ObjectChange, onTaken: (files: readonly string[]) => void): void {
    const { role, log } = this.#deps;
    const secret = change.type === 'put' ? readSecret(change.object) : undefined;
    if (secret?.ok && secret.value.resourceVersion === this.#seen?.resourceVersion) return;
    const seen = secret?.ok ? secret.value : undefined;
    if (role() !== 'FOLLOWER') {
      this.#taking.forget();
      // A hand has edited or deleted it, or a leader of before has written late.
      this.#seen = seen;
      void this.keep();
      return;
    }
    if (!seen || seen.data.size === 0) return;
    const fault = faultIn(seen.data);
    if (fault !== undefined) {
      log.warn({ secret: this.#named, fault }, 'the kept state is not taken');
      return;
    }
    this.#seen = seen;
    this.#taking.take(seen.data, onTaken);
  }

  #keep(): Promise<void> {
    return this.#untilAnswered('written', async () => {
      if (this.#deps.role() === 'FOLLOWER') return;
      const ours = readFiles(this.#deps.stateDir);
      if (this.#seen && areSame(ours, this.#seen.data)) return;
      try {
        this.#seen = this.#read(await this.#write(ours));
      } catch (error) {
        if (!(error instanceof ApiFailure)) throw error;
        if (error.code === 'API_NOT_FOUND' && this.#seen) this.#seen = undefined;
        else if (error.code === 'API_CONFLICT') await this.#takeIn(ours);
        else throw error;
        throw new WriteAgain();
      }
    });
  }

  #write(data: ReturnType<typeof readFiles>): Promise<unknown> {
    const { server } = this.#deps;
    const object = secretOf(this.#place, data, this.#seen);
    return this.#seen
      ? server.replace(secrets, this.#place, object)
      : server.create(secrets, this.#place.namespace, object);
  }

  /** Another one has written: both are brought together in the folder, from which it is written again. */
  async #takeIn(ours: ReturnType<typeof readFiles>): Promise<void> {
    const { role, stateDir, log } = this.#deps;
    const base = this.#seen?.data ?? new Map<string, string>();
    const seen = await this.#get();
    const theirs = seen?.data;
    const data = theirs && merged({ base, ours, theirs }, role() === 'LEADER' ? 'OURS' : 'THEIRS');
    const taken = data ? writeFiles(stateDir, data) : [];
    // Last: what could not be written has yet to be brought together.
    this.#seen = seen;
    if (!seen) return;
    log.warn({ secret: this.#named, taken }, 'another one has written the state of this cluster too');
  }

  async #get(): Promise<SeenSecret | undefined> {
    try {
      return this.#read(await this.#deps.server.get(secrets, this.#place));
    } catch (error) {
      if (error instanceof ApiFailure && error.code === 'API_NOT_FOUND') return undefined;
      throw error;
    }
  }

  #read(object: unknown): SeenSecret {
    const secret = readSecret(object);
    if (!secret.ok) throw new ApiFailure('API_MALFORMED', secret.error);
    return secret.value;
  }

  async #untilAnswered(what: string, call: () => Promise<void>): Promise<void> {
    await untilAnswered(this.#deps, call, (why, error) => {
      if (error instanceof WriteAgain) return;
      this.#failure = why;
      this.#deps.log.warn(
        { secret: this.#named, error: why },
        `the kept state was not ${what}; trying again`,
      );
    });
    this.#failure = undefined;
  }
}

/** The Secret is another one by now: what is to be written was read again. */
class WriteAgain extends Error {}
