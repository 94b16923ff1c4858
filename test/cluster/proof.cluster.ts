import { deepEqual } from 'node:assert/strict';
import { evidenceIn } from './evidence.ts';
import { agreementStep } from './steps/agreement.ts';
import { conformanceStep } from './steps/conformance.ts';
import { installStep } from './steps/install.ts';
import { objectsStep } from './steps/objects.ts';
import { oursIn, rejoinStep } from './steps/rejoin.ts';
import { powerStep, restartsStep } from './steps/restarts.ts';
import { withoutStep } from './steps/without.ts';
import { openWorld, type World } from './world.ts';

/** Without these nothing of what follows is so. */
const installing: ReadonlySet<string> = new Set(['the hub', 'clusters that join']);

describe('a federation of two clusters', () => {
  let opened: World | undefined;
  const world = (): World => {
    if (opened === undefined) throw new Error('the clusters are not open yet');
    return opened;
  };
  before(() => {
    opened = openWorld();
  });
  let isInstalled = true;
  beforeEach(function () {
    // The rest would only wait for what cannot come.
    if (isInstalled) return;
    console.log('      DID NOT RUN: the installation has failed');
    this.skip();
  });
  afterEach(async function () {
    if (this.currentTest?.state !== 'failed') return;
    isInstalled &&= !installing.has(this.currentTest.parent?.title ?? '');
    for (const cluster of [world().east, world().west])
      console.log(await evidenceIn(cluster).catch((error: unknown) => String(error)));
  });
  after(() => {
    console.log(`\n${world().measured.table()}`);
    world().close();
  });

  describe('the hub', () => installStep(world, '1. The hub'));
  describe('clusters that join', () => installStep(world, '2. The clusters'));
  describe('an export', () => installStep(world, '3. A service that other clusters reach'));
  describe('policies', () => installStep(world, '4. Policies'));
  describe('what people read', () => agreementStep(world));
  describe('objects of the API', () => objectsStep(world));
  describe('pods that are deleted', () => restartsStep(world));
  describe('a role that lacks a verb, and a hub that is away', () => withoutStep(world));
  describe('nodes, the API server and etcd', () => powerStep(world));
  describe('a cluster that comes back', () => rejoinStep(world));
  describe('the conformance suite of the Multi-Cluster Services API', () => conformanceStep(world));
  describe('the end', () => {
    installStep(world, '5. The end');
    it('leaves nothing of ours in either cluster', async () => {
      deepEqual([...(await oursIn(world().east)), ...(await oursIn(world().west))], []);
    });
  });
});
