import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Values } from './variants.ts';

const root = join(import.meta.dirname, '../..');

/** The helm program that HELM_BIN names, or the one among the programs of test clusters; undefined without one. */
export function helmProgram(): string | undefined {
  const { HELM_BIN, KUBEBUILDER_ASSETS } = process.env;
  const places = [HELM_BIN, KUBEBUILDER_ASSETS === undefined ? undefined : join(KUBEBUILDER_ASSETS, 'helm')];
  return places.find((path) => path !== undefined && existsSync(path));
}

/** A suite that needs helm: without it, it says so and counts as pending. */
export function withHelm(title: string, run: (helm: Helm) => void): void {
  const program = helmProgram();
  describe(title, () => {
    if (program !== undefined) return run(helmOf(program));
    it('NOT RUN: neither HELM_BIN nor KUBEBUILDER_ASSETS has helm', function () {
      console.log('      NOT RUN: set HELM_BIN, or KUBEBUILDER_ASSETS to a folder that has helm');
      this.skip();
    });
  });
}

export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface Helm {
  /** Throws an error with Helm's own text. */
  lint(chart: string, values: Values): string;
  /** What `helm template` prints. */
  template(chart: string, values: Values): string;
  objects(chart: string, values: Values): readonly Rendered[];
}

function helmOf(program: string): Helm {
  const run = (values: Values, ...words: readonly string[]) =>
    execFileSync(program, [...words, '--namespace', 'isthmus-system', '--values', '-'], {
      cwd: root,
      encoding: 'utf8',
      input: JSON.stringify(values),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  const template = (chart: string, values: Values) =>
    run(values, 'template', chart, `charts/${chart}`, '--kube-version', '1.34.0');
  return {
    lint: (chart, values) => run(values, 'lint', '--strict', `charts/${chart}`),
    template,
    objects: (chart, values) =>
      parseAllDocuments(template(chart, values))
        .map((document) => document.toJS() as Rendered | null)
        .filter((one) => one !== null),
  };
}
