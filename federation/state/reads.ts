import type { ClusterRecord } from '../observation/cluster-record.ts';
import type { Now } from './now.ts';
import type { IntentState } from './snapshot.ts';

interface Input {
  readonly read: (snapshot: Now) => unknown;
  readonly value: unknown;
}

/**
 * What a decision has read. A decision that is made `through` this gives its answer and, in the same go, the inputs on
 * which the answer rests: there is no second list of them that could be forgotten. Parts of a snapshot are immutable,
 * so an input has changed when it is another object than before.
 */
export class Reads {
  readonly #inputs = new Map<string, Input>();

  /** The snapshot, with everything noted that is read of it: intent by kind, observation by cluster and field. */
  through(snapshot: Now): Now {
    const { epoch, settings, index, compiled } = snapshot;
    const intent = new Proxy(snapshot.intent, {
      get: (_intent, key: Extract<keyof IntentState, string>) =>
        this.note(`intent.${key}`, snapshot, (at) => at.intent[key]),
    });
    // Epoch and settings are the same as long as the process lives; what is read of an index is noted by its reader.
    return { epoch, settings, intent, observed: this.#observed(snapshot), index, compiled };
  }

  /** Notes an input that is read by a function of its own, and gives its value. */
  note<T>(name: string, snapshot: Now, read: (snapshot: Now) => T): T {
    const value = read(snapshot);
    // The first value stays: a later decision that saw another one must be taken again just as well.
    if (!this.#inputs.has(name)) this.#inputs.set(name, { read, value });
    return value;
  }

  /** Whether a decision that read all this may turn out otherwise now. */
  changedIn(snapshot: Now): boolean {
    for (const { read, value } of this.#inputs.values()) if (read(snapshot) !== value) return true;
    return false;
  }

  #observed(snapshot: Now): Now['observed'] {
    const get = (cluster: string): ClusterRecord | undefined => {
      const name = `observed.${cluster}`;
      const isThere = this.note(name, snapshot, ({ observed }) => observed.has(cluster));
      const record = isThere ? snapshot.observed.get(cluster) : undefined;
      return (
        record &&
        new Proxy(record, {
          get: (_record, key: Extract<keyof ClusterRecord, string>) =>
            this.note(`${name}.${key}`, snapshot, ({ observed }) => observed.get(cluster)?.[key]),
        })
      );
    };
    const whole = () => this.note('observed', snapshot, ({ observed }) => observed);
    return new Proxy(snapshot.observed, {
      get(_observed, key) {
        if (key === 'get') return get;
        const value: unknown = Reflect.get(whole(), key, whole());
        return typeof value === 'function' ? (value.bind(whole()) as unknown) : value;
      },
    });
  }
}
