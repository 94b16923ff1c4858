import assert from 'node:assert/strict';
import { permitted } from '@isthmus/api/kube/access.ts';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { secrets } from '@isthmus/api/kube/resources.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { hubAccess } from '../../../federation/access.ts';
import { AdminToken } from '../../../federation/trust/admin-token.ts';
import { AdminTokenSecret, lookMillis } from '../../../federation/trust/admin-token-secret.ts';
import { FakeApiServer } from '../../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../../fakes/clock.ts';

const place = { namespace: 'isthmus-system', name: 'isthmus-admin-token' };
const own = 'own-token-of-the-hub-with-32-characters';
const ofPerson = 'token-of-a-person-with-32-characters-or-more';

interface Given {
  readonly isNew?: boolean;
  readonly token?: string;
  /** What the role of the chart allows; otherwise everything is allowed. */
  readonly byRole?: boolean;
}

function world(server = new FakeApiServer([secrets])) {
  const clock = new FakeClock();
  const logged: string[] = [];
  const record = (fields: object, message?: string) =>
    void logged.push(`${JSON.stringify(fields)} ${message}`);
  const stored: string[] = [];
  const start = ({ isNew = false, token: text = own, byRole = false }: Given = {}) => {
    const token = new AdminToken(text);
    const stop = new AbortController();
    const secret = new AdminTokenSecret({
      secret: { ...place, server: byRole ? permitted(server, hubAccess, place.namespace) : server },
      token,
      isNew,
      store(kept) {
        stored.push(kept);
        return Promise.resolve();
      },
      clock,
      log: { ...silentLog, info: record, warn: record, error: record },
    });
    secret.follow(stop.signal);
    return { secret, token, stop };
  };
  const put = (data: Record<string, string>, metadata: object = {}) =>
    server.put(secrets, {
      metadata: { ...place, labels: { made: 'by-chart' }, ...metadata },
      type: 'Opaque',
      data: Object.fromEntries(
        Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
      ),
    });
  const found = () => server.find(secrets, place.namespace, place.name) as Kept | undefined;
  const tokenThere = () => Buffer.from(found()?.data?.['token'] ?? '', 'base64').toString();
  return { clock, server, logged, stored, start, put, found, tokenThere };
}

interface Kept {
  readonly metadata: { readonly labels?: object; readonly resourceVersion: string };
  readonly data?: Readonly<Record<string, string>>;
}

describe('the admin token in a Secret', () => {
  it('is written to a new one where there is none, and to one without the key, whose other parts stay', async () => {
    const none = world();
    none.start();
    await none.clock.advance(0);
    assert.equal(none.tokenThere(), own);
    const empty = world();
    empty.put({ other: 'kept' });
    empty.start({ byRole: true });
    await empty.clock.advance(0);
    assert.equal(empty.tokenThere(), own);
    assert.deepEqual(empty.found()?.metadata.labels, { made: 'by-chart' });
    assert.equal(Buffer.from(empty.found()?.data?.['other'] ?? '', 'base64').toString(), 'kept');
    const { resourceVersion } = empty.found()!.metadata;
    await empty.clock.advance(5 * lookMillis);
    assert.equal(empty.found()!.metadata.resourceVersion, resourceVersion, 'it is written once');
  });

  it('is the one that a person wrote there, which is stored before it counts, and never overwritten', async () => {
    for (const isNew of [false, true]) {
      const { clock, put, start, stored, tokenThere } = world();
      put({ token: `${ofPerson}\n` });
      const { token, secret } = start({ isNew, byRole: true });
      await clock.advance(3 * lookMillis);
      assert.equal(token.current, ofPerson);
      assert.deepEqual(stored, [ofPerson]);
      assert.equal(tokenThere(), `${ofPerson}\n`);
      assert.equal(secret.problem, undefined);
      assert.ok(token.known.includes(own), 'the one before is kept out of records too');
    }
  });

  it('changes while the hub runs when a person changes it', async () => {
    const { clock, put, start, stored } = world();
    const { token } = start();
    await clock.advance(0);
    assert.deepEqual(stored, []);
    put({ token: ofPerson });
    await clock.advance(lookMillis);
    assert.equal(token.current, ofPerson);
    assert.deepEqual(stored, [ofPerson]);
  });

  it('that the hub wrote is replaced by a new one that an operator asks for, and counts after the volume was lost', async () => {
    const one = world();
    one.start().stop.abort();
    await one.clock.advance(0);
    const fresh = 'another-token-of-the-hub-with-32-characters';
    const lost = one.start({ token: fresh });
    await one.clock.advance(0);
    assert.equal(lost.token.current, own);
    lost.stop.abort();
    const renewed = one.start({ token: fresh, isNew: true, byRole: true });
    await one.clock.advance(0);
    assert.equal(renewed.token.current, fresh);
    assert.equal(one.tokenThere(), fresh);
  });

  it('is not one that could be guessed or sent by nobody: the Secret stays, and a problem says what to do', async () => {
    for (const bad of ['x'.repeat(31), 'x'.repeat(4097), `${'x'.repeat(40)} y`, 'schlüssel'.repeat(8)]) {
      const { clock, put, start, tokenThere } = world();
      put({ token: bad });
      const { token, secret } = start();
      await clock.advance(0);
      assert.equal(token.current, own);
      assert.equal(tokenThere(), bad);
      assert.match(secret.problem?.message ?? '', /its key token is not one word of 32 to 4096/);
      assert.equal(secret.problem?.object, 'Secret isthmus-system/isthmus-admin-token');
      put({ token: 'x'.repeat(32) });
      await clock.advance(lookMillis);
      assert.equal(token.current, 'x'.repeat(32));
      assert.equal(secret.problem, undefined);
      put({ token: 'x'.repeat(4096) });
      await clock.advance(lookMillis);
      assert.equal(token.current.length, 4096);
    }
  });

  it('is that of the store while the API is away or refuses, and the problem names the remedy', async () => {
    for (const code of ['API_UNREACHABLE', 'API_FORBIDDEN'] as const) {
      const { clock, server, start, tokenThere } = world();
      server.before = () => new ApiFailure(code, 'get of secrets failed');
      const { token, secret } = start();
      await clock.advance(3 * lookMillis);
      assert.equal(token.current, own);
      assert.match(secret.problem?.message ?? '', /get of secrets failed/);
      assert.match(secret.problem?.remedy ?? '', /get and update this Secret/);
      server.before = () => undefined;
      await clock.advance(lookMillis);
      assert.equal(secret.problem, undefined);
      assert.equal(tokenThere(), own);
    }
  });

  it('is looked at again at once when somebody writes it at the same time', async () => {
    const { clock, server, put, start, tokenThere } = world();
    put({});
    server.fail('update', 'secrets', new ApiFailure('API_CONFLICT', 'changed', { status: 409 }));
    const { secret } = start();
    await clock.advance(0);
    assert.equal(secret.problem, undefined);
    assert.equal(tokenThere(), '');
    await clock.advance(1000);
    assert.equal(tokenThere(), own);
  });

  it('is in no log and in no problem', async () => {
    const one = world();
    one.start();
    await one.clock.advance(0);
    one.put({ token: ofPerson });
    await one.clock.advance(lookMillis);
    one.put({ token: `${ofPerson} and more` });
    await one.clock.advance(lookMillis);
    assert.ok(one.logged.length >= 3);
    for (const secret of [own, ofPerson, Buffer.from(own).toString('base64')])
      assert.ok(!one.logged.join('\n').includes(secret));
  });
});
