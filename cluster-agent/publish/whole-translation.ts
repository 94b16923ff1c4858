import type { TranslateInput } from '../translate/input.ts';
import type { ClusterSnapshot } from '../translate/snapshot.ts';
import { translate } from '../translate/translate.ts';
import { differences } from './delta.ts';
import type { Translated, Translation } from './publisher.ts';

/** Translates the whole cluster for each change of it and compares the result with that of before. */
export class WholeTranslation implements Translation {
  readonly #input: () => TranslateInput;
  #snapshot: ClusterSnapshot | undefined;

  constructor(input: () => TranslateInput) {
    this.#input = input;
  }

  update(): Translated {
    const snapshot = translate(this.#input(), this.#snapshot);
    const changed = differences(this.#snapshot, snapshot);
    this.#snapshot = snapshot;
    return { snapshot, changed, bulk: new Set() };
  }
}
