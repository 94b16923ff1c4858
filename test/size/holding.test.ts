import type { NamespaceObject } from '@isthmus/api/kubernetes/objects.ts';
import { Holding } from '@isthmus/cluster-agent/source/files/holding.ts';
import type { FileContents, Held } from '@isthmus/cluster-agent/source/files/read-file.ts';
import { assertScales, type Work } from './doubled.ts';

const objectsOfFile = 10;

/** The files of a folder: the objects that are looked at are counted. */
class Files {
  readonly holding = new Holding();
  visits = 0;

  list(count: number): void {
    for (let i = 0; i < count; i++) this.holding.set(`${i}.yaml`, this.contents(i, 1));
    this.holding.take();
  }

  contents(file: number, form: number): FileContents {
    const names = Array.from({ length: objectsOfFile }, (_, i) => `object-${file}-${i}`);
    const objects = new Map(names.map((name) => [`Namespace//${name}`, this.#held(name, form)]));
    return { objects, refused: new Set(), standIns: new Map(), rejections: [], broken: false };
  }

  counted(run: () => void): number {
    const before = this.visits;
    run();
    return this.visits - before;
  }

  /** Code that looks at what is held reads its JSON, or copies it. */
  #held(name: string, form: number): Held {
    const metadata = { name, namespace: '', uid: name, createdAt: 0, labels: {}, annotations: {} };
    const object: NamespaceObject = { kind: 'Namespace', metadata };
    const held: Held = { object, json: `${name} ${form}`, line: 1 };
    return Object.defineProperty(held, 'json', {
      enumerable: true,
      get: () => {
        this.visits++;
        return `${name} ${form}`;
      },
    });
  }
}

function workOf(count: number): Work {
  const files = new Files();
  return {
    firstSync: files.counted(() => files.list(count)),
    change: files.counted(() => {
      files.holding.set('7.yaml', files.contents(7, 2));
      files.holding.take();
    }),
  };
}

describe('the size of a folder of manifests', () => {
  for (const count of [100, 1_000])
    it(`of ${count} files: all are looked at twice as often when they are doubled, and for a change its own objects`, () =>
      assertScales(workOf, count));
});
