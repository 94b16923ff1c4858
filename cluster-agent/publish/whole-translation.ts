import { ChangeSet } from '../keys/change-set.ts';
import type { TranslateInput } from '../translate/input.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import { translate } from '../translate/translate.ts';
import { differences } from './delta.ts';
import type { Translation } from './publisher.ts';

/** Translates the whole cluster for each change of it and compares the result with that of before. */
export class WholeTranslation implements Translation {
  readonly #input: () => TranslateInput;
  #snapshot: ClusterSnapshot | undefined;

  constructor(input: () => TranslateInput) {
    this.#input = input;
  }

  get snapshot(): ClusterSnapshot {
    return (this.#snapshot ??= translate(this.#input(), undefined));
  }

  all(): ChangeSet {
    this.#snapshot = undefined;
    return this.update(new ChangeSet());
  }

  update(changes: ChangeSet): ChangeSet {
    const before = this.#snapshot;
    this.#snapshot = translate(this.#input(), before);
    const all = new ChangeSet();
    all.merge(changes);
    for (const [type, names] of differences(before, this.#snapshot))
      for (const name of names) all.add({ kind: 'resource', type, name });
    return all;
  }
}
