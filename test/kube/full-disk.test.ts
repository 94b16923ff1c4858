import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { configMaps, secrets } from '@isthmus/api/kube/resources.ts';
import { typeUrls } from '@isthmus/api/wire/type-urls.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { until } from '../fakes/agent.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';
import { SmallDisk } from '../fakes/small-disk.ts';
import { FakeProxy } from '../fakes/xds-world.ts';
import { AgentProcess } from './agent-process.ts';
import { allowAgent } from './agent-role.ts';
import { agentNamespace, fill } from './agent-world.ts';
import { definePolicies, denying, policies } from './policy-definition.ts';
import { podToken } from './pod-token.ts';
import { withApiServer } from './start-api-server.ts';

/** Enough for what an agent keeps of a small cluster. */
const kibibytes = 4096;

withApiServer('two replicas of an agent whose disks are full, as processes', (started) => {
  const dir = mkdtempSync(join(tmpdir(), 'isthmus-full-'));
  const hubDir = join(dir, 'hub');
  const disks: SmallDisk[] = [];
  let server: ApiServer;
  let hub: TestHub | undefined;
  let octet = 0;
  let replicas: AgentProcess[] = [];
  let ztunnel: FakeProxy | undefined;

  before(async function () {
    for (let i = 0; i < 2; i++) {
      const disk = SmallDisk.mount(kibibytes);
      if (!disk) return this.skip();
      disks.push(disk);
    }
    server = started().client().server;
    hub = await startTestHub({ stateDir: hubDir, store: 'sqlite' });
    octet = hub.octet;
    await allowAgent(server);
    await definePolicies(server);
    const { uid } = (await fill(server)).metadata;
    const mutation = 'mutation { result: createJoinToken(input: { cluster: "east" }) { token } }';
    const { data } = await hub.ask<{ result: { token: string } }>(mutation);
    writeFileSync(join(dir, 'join-token'), data!.result.token);
    for (const i of [0, 1]) {
      replicas[i] = start(i);
      await until(async () => (await replicas[i]?.readiness())?.text === 'ok\n');
    }
    await server.create(policies, 'shop', denying('stays', 'elsewhere'));
    await deny('hub-stays');
    ztunnel = await connect(uid);
    await until(() => isHeld('stays') && isHeld('isthmus~hub-stays'));
  });
  after(async () => {
    await ztunnel?.stop();
    for (const replica of replicas) await replica.kill();
    await hub?.stop();
    for (const disk of disks) disk.unmount();
    rmSync(dir, { recursive: true });
  });

  const address = (i: number) => `127.${octet}.16.${i + 1}`;
  const start = (i: number) =>
    new AgentProcess({
      kubeconfig: started().kubeconfig('agent'),
      stateDir: disks[i]!.folder,
      address: address(i),
      names: [0, 1].map(address),
      replica: `agent-${i + 1}`,
      tokenFile: join(dir, 'join-token'),
    });

  async function connect(uid: string): Promise<FakeProxy> {
    const pod = { namespace: 'istio-system', name: 'ztunnel-1', serviceAccount: 'ztunnel', uid };
    const root = (await server.get(configMaps, { namespace: agentNamespace, name: 'isthmus-xds-root' })) as {
      data: Record<string, string>;
    };
    writeFileSync(join(dir, 'root.pem'), root.data['root-cert.pem'] ?? '');
    writeFileSync(join(dir, 'token'), await podToken(started(), pod));
    const world = { port: 15_012, path: (name: string) => join(dir, name) };
    const at = { address: `${address(0)}:15012`, localAddress: address(0) };
    return new FakeProxy(world, at, systemClock);
  }

  const taken = () => ztunnel?.history ?? [];
  const removedSince = (mark: number) =>
    taken()
      .slice(mark)
      .filter((one) => one.startsWith('-'));
  const isHeld = (policy: string) =>
    (ztunnel?.names(typeUrls.authorization) ?? []).includes(`shop/${policy}`);
  async function deny(name: string): Promise<void> {
    const { data } = await hub!.ask<{ result: { userErrors: object[] } }>(
      `mutation { result: applyPolicy(input: { policy: { access: {
         name: "${name}", effect: DENY, target: { namespace: "shop" }, rules: [{ ports: [81] }]
       } } }) { userErrors { message } } }`,
    );
    assert.deepEqual(data!.result.userErrors, []);
  }
  const findings = async () => {
    const query = '{ insights(cluster: "east", first: 100) { nodes { reason message remedy } } }';
    type Answer = { insights: { nodes: { reason: string; message: string; remedy: string }[] } };
    return (await hub!.ask<Answer>(query)).data!.insights.nodes;
  };
  const epochsKept = async () => {
    const place = { namespace: agentNamespace, name: 'isthmus-agent-state' };
    const { data } = (await server.get(secrets, place)) as { data: Record<string, string> };
    return Buffer.from(data['hub-epochs.json'] ?? '', 'base64').toString();
  };
  const are = (state: (readiness: { status: number; text: string }) => boolean) =>
    until(async () => {
      const all = await Promise.all(replicas.map((one) => one.readiness()));
      return all.every(state) && all;
    });

  it('go on: what comes meanwhile is in force, and what is not saved is named with the remedy', async () => {
    await server.create(policies, 'shop', denying('goes', 'elsewhere'));
    await until(() => isHeld('goes'));
    const mark = taken().length;
    for (const disk of disks) disk.fill();
    await hub?.stop();
    hub = await startTestHub({ stateDir: hubDir, store: 'sqlite', octet });
    await deny('hub-later');
    await server.create(policies, 'shop', denying('later', 'elsewhere'));
    await server.remove(policies, { namespace: 'shop', name: 'goes' });
    await until(() => isHeld('later') && isHeld('isthmus~hub-later') && !isHeld('goes'));
    const shown = await are(({ text }) => text.includes('state-folder degraded'));
    for (const [i, { status, text }] of shown.entries()) {
      assert.equal(status, 200, text);
      assert.match(
        text,
        /degraded: .* is in force and is not on the disk.*: \S+ cannot be (written|flushed) \(ENOSPC\): the file system is full: make room/,
      );
      assert.ok(text.includes(`make room in the state folder ${disks[i]!.folder}`), text);
    }
    const found = await until(async () =>
      (await findings()).find(({ reason }) => reason === 'STATE_NOT_SAVED'),
    );
    assert.match(found.message, /ENOSPC/);
    assert.deepEqual(removedSince(mark), ['-shop/goes']);
    assert.ok(isHeld('stays') && isHeld('isthmus~hub-stays'));
    assert.ok(replicas.every(({ isRunning }) => isRunning));
  });

  it('save all of it once there is room, and keep the hub’s epoch in their Secret', async () => {
    assert.match(await epochsKept(), /"1"/);
    for (const disk of disks) disk.free();
    await are(({ text }) => text === 'ok\n');
    await until(async () => /"2"/.test(await epochsKept()));
    await until(async () => (await findings()).every(({ reason }) => reason !== 'STATE_NOT_SAVED'));
  });

  it('serve what was said while the disk was full after they are started again without the hub', async () => {
    await hub?.stop();
    for (const replica of replicas) await replica.kill();
    replicas = [start(0)];
    const mark = taken().length;
    await are(({ text }) => text === 'ok\n');
    await until(() => ztunnel?.client.ready);
    await server.create(policies, 'shop', denying('after', 'elsewhere'));
    await until(() => isHeld('after'));
    assert.ok(['stays', 'later', 'isthmus~hub-stays', 'isthmus~hub-later'].every(isHeld));
    assert.deepEqual(removedSince(mark), []);
  });

  it('serve what they have kept when they are started again on a full disk', async () => {
    disks[0]?.fill();
    for (const replica of replicas) await replica.kill();
    replicas = [start(0)];
    const mark = taken().length;
    await are(({ status }) => status === 200).catch((error: unknown) => {
      throw new Error(replicas[0]?.log, { cause: error });
    });
    await server.create(policies, 'shop', denying('last', 'elsewhere'));
    await until(() => isHeld('last'));
    assert.ok(['stays', 'later', 'isthmus~hub-stays', 'isthmus~hub-later'].every(isHeld));
    assert.deepEqual(removedSince(mark), []);
    disks[0]?.free();
    await are(({ text }) => text === 'ok\n');
  });
});
