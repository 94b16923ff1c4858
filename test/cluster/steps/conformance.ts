import { deepEqual, notEqual } from 'node:assert/strict';
import { until } from '../measured.ts';
import { runSuite, whyNoSuite } from '../mcs-suite.ts';
import { replicasOf } from '../members.ts';
import type { Step } from '../world.ts';

const system = ['-n', 'isthmus-system'];

/** Minutes that the required tests take at most: each waits for pods that start. */
const minutes = 15;

/** The required tests of the conformance suite of KEP-1645. Those of DNS and of traffic through a mesh are optional there. */
export function conformanceStep(step: Step): void {
  const { MCS_CONFORMANCE: program } = process.env;
  const why = whyNoSuite(program);
  before(function () {
    if (why === undefined) return;
    console.log(`      THE MCS CONFORMANCE SUITE DID NOT RUN: ${why}`);
    this.skip();
  });

  it('a ServiceExport alone exports, and both clusters have the kinds', async () => {
    const { east, west } = step();
    await permitByLabel(true);
    const chart = ['isthmus-crds', 'charts/isthmus-crds', ...system, '--set', 'foreignCRDs=true'];
    for (const cluster of [east, west]) await cluster.helm('upgrade', '--install', ...chart);
  });

  it('its required tests pass', async function () {
    this.timeout(minutes * 60_000);
    const { east, west, home } = step();
    const specs = await runSuite(program ?? '', 'Required', [east, west], home);
    for (const { name, state } of specs) console.log(`        ${state === 'passed' ? 'yes' : 'NO '} ${name}`);
    deepEqual(
      specs.filter(({ state }) => state !== 'passed'),
      [],
    );
    notEqual(specs.length, 0, 'the suite has run no test');
  });

  it('the hub and the clusters are as they were', async () => {
    await permitByLabel(false);
    await step().west.helm('uninstall', 'isthmus-crds', ...system);
  });

  async function permitByLabel(isSo: boolean): Promise<void> {
    const world = step();
    const values = ['--reuse-values', '--set', `hub.exportByLabel=${isSo}`];
    await world.east.helm('upgrade', 'isthmus-hub', 'charts/isthmus-hub', ...system, ...values, '--wait');
    for (const cluster of ['east', 'west'])
      await until(`${cluster} at the hub`, 90_000, async () =>
        (await replicasOf(world, cluster)).length === 2 ? true : undefined,
      );
  }
}
