import assert from 'node:assert/strict';
import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { until } from '../fakes/agent.ts';
import type { Asked, FaultProxy } from './fault-proxy.ts';
import { FaultyCluster } from './faulty-cluster.ts';
import { denying, policies } from './policy-definition.ts';
import { withApiServer } from './start-api-server.ts';

interface Versioned {
  readonly metadata: { readonly resourceVersion: string };
}

/** As long as the Lease is this replica's it reports; then the hub knows that nobody leads. */
const outages = new Set([
  'API_SERVER_UNAVAILABLE',
  'LEASE_NOT_RENEWED',
  'AGENT_WITHOUT_LEADER',
  'WRITE_FAILED',
]);

withApiServer('an agent in front of whose API server something goes wrong', (started) => {
  let cluster: FaultyCluster;
  let faults: FaultProxy;
  let server: ApiServer;
  let count = 0;

  before(async () => {
    cluster = await FaultyCluster.start(started());
    ({ server, faults } = cluster);
  });
  after(() => cluster.stop());
  afterEach(() => faults.heal());

  const isHeld = (policy: string) => cluster.isHeld(policy);
  const findings = () => cluster.findings();
  const readiness = () => cluster.readiness();
  const statusOf = (name: string) => cluster.statusOf(name);
  const isShown = (name: string) => cluster.isShown(name);

  /**
   * Begins a fault, changes policies at the server behind it, waits until `shown`, ends the fault, and waits until the
   * changes have come and all is well. Nothing is taken from the ztunnel but what was removed.
   */
  async function survives(begin: () => void, shown: () => Promise<unknown>): Promise<void> {
    const [gone, made] = [`gone-${++count}`, `made-${count}`];
    await server.create(policies, 'shop', denying(gone, 'there'));
    await until(() => isHeld(gone));
    await until(() => isShown(gone));
    const mark = cluster.ztunnel.history.length;
    begin();
    await server.create(policies, 'shop', denying(made, 'there'));
    await server.remove(policies, { namespace: 'shop', name: gone });
    await shown();
    faults.heal();
    await until(() => isHeld(made) && !isHeld(gone));
    assert.deepEqual(cluster.removedSince(mark), [`-shop/${gone}`]);
    assert.ok(isHeld('stays'));
    await until(async () => (await readiness()) === 'ok\n');
    await until(async () => (await findings()).every(({ reason }) => !outages.has(reason)));
    await until(() => isShown(made));
  }

  /** The agent stays ready, and says in its readiness what happened and what to do. So does the hub in GraphQL. */
  async function isNamed(what: RegExp): Promise<void> {
    const text = await until(async () => {
      const { status, text } = await cluster.agent.readiness();
      assert.equal(status, 200, text);
      return text
        .split('\n')
        .find((line) => line.startsWith('[!]manifests degraded: changes of') && what.test(line));
    });
    assert.match(text, /degraded: changes of .* are not seen: .* stays in force: restore the API server/);
    const found = await until(async () =>
      (await findings()).find(
        ({ reason, message }) =>
          (reason === 'API_SERVER_UNAVAILABLE' && what.test(message)) || reason === 'AGENT_WITHOUT_LEADER',
      ),
    );
    assert.match(found.remedy, /API server/);
  }

  for (const [title, fault, named] of [
    [
      '429 with Retry-After',
      { kind: 'STATUS', status: 429, retryAfterSeconds: 2 },
      /was answered with 429: made to answer/,
    ],
    [
      '500',
      { kind: 'STATUS', status: 500 },
      /was answered with 500: made to answer 500; look at the log of the API server/,
    ],
    ['503', { kind: 'STATUS', status: 503 }, /was answered with 503: made to answer/],
    ['nothing', { kind: 'HANG' }, /(no answer within|not answered within)/],
  ] as const)
    it(`answers ${title}: what is enforced stays, and the agent says so until it is over`, () =>
      survives(
        () => {
          faults.break(fault);
          if (fault.kind === 'STATUS') faults.cutWatches();
        },
        async () => {
          // Before it is certain that a watch says nothing.
          await until(async () => /neither read nor renew its Lease/.test(await readiness()));
          await isNamed(named);
        },
      ));

  it('cuts its watches in the middle of a line, which go on', () =>
    survives(
      () => faults.cutWatches(),
      () => until(() => faults.met.length > 0),
    ));

  it('has forgotten the resourceVersions of watches that are open, whose kinds are listed again', () =>
    survives(
      () => faults.forgetWatches(),
      () => until(() => faults.met.length > 0),
    ));

  it('has forgotten the resourceVersion of each watch that begins: lists go on', () =>
    survives(
      () => {
        faults.break({ kind: 'STATUS', status: 410 }, ({ isWatch }) => isWatch);
        faults.cutWatches();
      },
      () => isNamed(/was answered with 410/),
    ));

  describe('when it writes the status of a policy', () => {
    const isPatch = ({ method }: Asked) => method === 'PATCH';
    const isWrite = ({ method, path }: Asked) => method === 'PATCH' && path.includes('authorizationpolicies');

    it('writes it after another has written the object between its read and its write (409)', async () => {
      let conflicts = 0;
      faults.before = (asked) => {
        if (!isWrite(asked) || conflicts++ > 2) return undefined;
        const place = { namespace: 'shop', name: 'contended' };
        const annotations = { ['test/turn']: String(conflicts) };
        return server
          .patch(policies, place, { how: 'merge' }, { metadata: { annotations } })
          .then(() => undefined);
      };
      await server.create(policies, 'shop', denying('contended', 'there'));
      await until(() => isShown('contended'));
      assert.ok(conflicts > 3, `it was written ${conflicts} times`);
      assert.equal((await statusOf('contended')).length, 2);
      await until(async () => (await readiness()) === 'ok\n');
    });

    for (const [status, remedy] of [
      [429, /look at the load of the API server/],
      [500, /look at the log of the API server/],
      [409, /read the object again/],
    ] as const)
      it(`names the object while it is answered with ${status}, and writes it then`, async () => {
        const name = `answered-${status}`;
        faults.break({ kind: 'STATUS', status, retryAfterSeconds: 1 }, isPatch);
        await server.create(policies, 'shop', denying(name, 'there'));
        const found = await until(async () =>
          (await findings()).find(({ reason }) => reason === 'WRITE_FAILED'),
        );
        assert.match(
          found.message,
          new RegExp(`patch of authorizationpolicies.* shop/${name} was answered with ${status}`),
        );
        assert.match(found.message, remedy);
        assert.match(await readiness(), new RegExp(`degraded: .* shop/${name} was answered with ${status}`));
        assert.ok(isHeld(name), 'it is enforced all the same');
        assert.deepEqual(await statusOf(name), []);
        faults.heal();
        await until(() => isShown(name));
        await until(async () => (await readiness()) === 'ok\n');
        await until(async () => (await findings()).every(({ reason }) => reason !== 'WRITE_FAILED'));
      });

    it('reads it after an answer was lost, and writes no second time what was written', async () => {
      faults.break({ kind: 'LOST_ANSWER' }, isWrite);
      await server.create(policies, 'shop', denying('unheard', 'there'));
      await until(() => isShown('unheard'));
      const version = async () => {
        const found = (await server.get(policies, { namespace: 'shop', name: 'unheard' })) as Versioned;
        return found.metadata.resourceVersion;
      };
      const written = await version();
      const asked: string[] = [];
      faults.heal();
      faults.before = ({ method, path }) => void asked.push(`${method} ${path.split('?')[0]}`);
      await until(() => asked.some((one) => one.startsWith('GET') && one.endsWith('/unheard')));
      await server.create(policies, 'shop', denying('after', 'there'));
      await until(() => isShown('after'));
      assert.deepEqual(
        asked.filter((one) => one.startsWith('PATCH') && one.includes('/unheard')),
        [],
      );
      assert.equal(await version(), written);
    });
  });
});
