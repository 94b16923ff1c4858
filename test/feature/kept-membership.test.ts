import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { secrets } from '@isthmus/api/kube/resources.ts';
import { KeptSecret } from '@isthmus/cluster-agent/kept/kept-secret.ts';
import { linkIdentity } from '@isthmus/cluster-agent/link/identity.ts';
import { systemClock } from '@isthmus/mesh/process/clock.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import { FakeApiServer } from '../fakes/api-server/fake-api-server.ts';
import { startTestHub, type TestHub } from '../fakes/hub.ts';

const namespace = 'isthmus-system';
const mutation =
  'mutation($input: CreateJoinTokenInput!) { result: createJoinToken(input: $input) { token userErrors { message } } }';

describe('a membership that is kept in a Secret', () => {
  let hub: TestHub;
  let dir = '';
  let server: FakeApiServer;
  const stop = new AbortController();
  before(async () => {
    hub = await startTestHub();
    dir = mkdtempSync(join(tmpdir(), 'isthmus-kept-'));
  });
  beforeEach(() => {
    server = new FakeApiServer([secrets]);
  });
  after(() => {
    stop.abort(new Error('stopped'));
    hub.stop();
    rmSync(dir, { recursive: true });
  });

  const tokenFor = async (cluster: string): Promise<string> => {
    const { data } = await hub.ask<{ result: { token: string } }>(mutation, { input: { cluster } });
    return data!.result.token;
  };

  const keysInSecret = () => {
    const secret = server.find(secrets, namespace, 'isthmus-agent-state');
    return Object.keys((secret as { data?: object } | undefined)?.data ?? {}).sort();
  };

  /** A pod of the agent with a folder of its own starts: the token is a file that is mounted. */
  async function pod(cluster: string, token: string, now = Date.now(), signal = stop.signal) {
    const stateDir = mkdtempSync(join(dir, 'pod-'));
    const tokenFile = join(stateDir, 'mounted-token');
    if (token !== '') writeFileSync(tokenFile, token);
    const clock = { ...systemClock, now: () => now };
    const at = { clock: systemClock, random: systemRandom, log: silentLog, signal };
    const kept = new KeptSecret({ ...at, server, namespace, stateDir, role: () => 'STARTING' });
    await kept.restore();
    const localAddress = '127.243.16.1';
    return linkIdentity({ cluster, stateDir, tokenFile, localAddress, clock, random: systemRandom, kept });
  }

  it('is that of a new pod with the same token, also when the token is past its time or gone', async () => {
    const token = await tokenFor('kept');
    const first = await pod('kept', token);
    assert.deepEqual(await pod('kept', token), first);
    assert.deepEqual(await pod('kept', token, Date.now() + 365 * 86_400_000), first);
    assert.deepEqual(await pod('kept', ''), first);
  });

  it('is had by a new pod where the first one ended before it could keep the hub’s answer', async () => {
    const token = await tokenFor('lost');
    const answered = Promise.withResolvers<undefined>();
    server.before = ({ verb }) => {
      if (verb !== 'update') return undefined;
      answered.resolve(undefined);
      return new ApiFailure('API_UNREACHABLE', 'connection refused');
    };
    const ended = new AbortController();
    const first = pod('lost', token, Date.now(), ended.signal);
    await answered.promise;
    ended.abort(new Error('the pod was deleted'));
    await assert.rejects(first, /the pod was deleted/);
    assert.deepEqual(keysInSecret(), ['joining-key', 'sealing-key']);
    server.before = () => undefined;
    assert.equal((await pod('lost', token)).cluster, 'lost');
    assert.deepEqual(keysInSecret(), ['link.json', 'sealing-key']);
  });

  it('asks the hub for nothing while the joining key cannot be kept', async () => {
    const token = await tokenFor('waits');
    let refused = 0;
    const asked = Promise.withResolvers<undefined>();
    server.before = ({ verb }) => {
      if (verb !== 'create' || refused > 1) return undefined;
      if (refused++ === 1) asked.resolve(undefined);
      return new ApiFailure('API_FORBIDDEN', 'secrets is forbidden');
    };
    const joining = pod('waits', token);
    await asked.promise;
    const { data } = await hub.ask<{ cluster: { admission: string } | null }>(
      '{ cluster(name: "waits") { admission } }',
    );
    assert.notEqual(data?.cluster?.admission, 'ADMITTED');
    assert.equal((await joining).cluster, 'waits');
  });
});
