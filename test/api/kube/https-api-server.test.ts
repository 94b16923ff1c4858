import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Resource, WatchEvent } from '@isthmus/api/kube/api-server.ts';
import { kubeClient } from '@isthmus/api/kube/client.ts';
import { maxLineBytes } from '@isthmus/api/kube/https-api-server.ts';
import { answerMillis } from '@isthmus/api/kube/https-calls.ts';
import { silenceMillis } from '@isthmus/api/kube/reflector.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { holds, settled } from '../../fakes/turns.ts';
import { MisbehavingServer } from './misbehaving-server.ts';

const pods: Resource = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', isNamespaced: true };
const policies: Resource = {
  group: 'security.istio.io',
  version: 'v1',
  kind: 'AuthorizationPolicy',
  plural: 'authorizationpolicies',
  isNamespaced: true,
};
const event = (name: string) => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name } } })}\n`;

const isFailure =
  (code: string, ...texts: readonly RegExp[]) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ApiFailure, String(error));
    assert.equal(error.code, code, error.message);
    for (const text of texts) assert.match(error.message, text);
    assert.doesNotMatch(`${error.message} ${error.stack ?? ''}`, /secret-token/);
    return true;
  };

describe('a client of an API server that', () => {
  let misbehaving: MisbehavingServer;
  let clock: FakeClock;
  let server: ApiServer;

  beforeEach(async () => {
    misbehaving = await new MisbehavingServer().start();
    clock = new FakeClock();
    server = kubeClient(misbehaving.kubeconfig(), clock).server;
  });
  afterEach(async () => {
    await misbehaving.stop();
    assert.equal(clock.pending, 0, 'no timer is left');
  });

  const says = (status: number, body: string, headers: Record<string, string> = {}) => {
    misbehaving.answer = (_, response) => response.writeHead(status, headers).end(body);
  };
  const status = (code: number, message: string, details = {}) =>
    JSON.stringify({ kind: 'Status', status: 'Failure', code, message, details });
  /** The events of a watch until it ends, and how it ends. */
  const watched = async (answer: (response: ServerResponse) => void, end = new AbortController()) => {
    misbehaving.answer = (_, response) => answer(response);
    const seen: WatchEvent[] = [];
    const events = await server.watch(pods, { resourceVersion: '1' }, end.signal);
    const done = (async () => {
      for await (const one of events) seen.push(one);
    })();
    // Handled by the test, later.
    done.catch(() => undefined);
    return { seen, done };
  };

  describe('refuses', () => {
    for (const [code, expected, remedy] of [
      [400, 'API_INVALID', /correct what the message names/],
      [401, 'API_UNAUTHENTICATED', /check the token/],
      [
        403,
        'API_FORBIDDEN',
        /give the role the verb list on authorizationpolicies of the group security\.istio\.io/,
      ],
      [404, 'API_NOT_FOUND', /install the CRD/],
      [409, 'API_CONFLICT', /read the object again/],
      [410, 'API_GONE', /list again/],
      [422, 'API_INVALID', /correct/],
      [429, 'API_BUSY', /flow control/],
      [500, 'API_ERROR', /log of the API server/],
      [503, 'API_BUSY', /tried again/],
      [302, 'API_ERROR', /log/],
    ] as const)
      it(`with ${code}: verb, resource, what it said and the remedy are named`, async () => {
        says(code, status(code, 'because of this'), { location: 'https://elsewhere.example/' });
        await assert.rejects(
          server.list(policies, {}),
          isFailure(
            expected,
            /^list of authorizationpolicies\.security\.istio\.io/,
            /because of this/,
            remedy,
          ),
        );
        assert.equal(misbehaving.requests.length, 1);
      });

    it('with Retry-After in a header or in its Status', async () => {
      says(429, '', { ['retry-after']: '7' });
      await assert.rejects(server.list(pods, {}), { retryAfterMillis: 7000, status: 429 });
      says(503, status(503, '', { retryAfterSeconds: 3 }));
      await assert.rejects(server.list(pods, {}), { retryAfterMillis: 3000, status: 503 });
      says(503, '', { ['retry-after']: 'Wed, 21 Oct 2026 07:28:00 GMT' });
      await assert.rejects(server.list(pods, {}), { retryAfterMillis: undefined });
    });

    it('with a page of HTML, of which one line is shown', async () => {
      says(502, `<html>\n\n${'x'.repeat(1000)}</html>`);
      await assert.rejects(server.list(pods, {}), (error: Error) => error.message.length < 500);
    });
  });

  describe('answers a list', () => {
    for (const [what, body] of [
      ['that is not JSON', '<html>'],
      ['that is cut', '{"items": [{'],
      ['without items', '{"metadata":{"resourceVersion":"1"}}'],
      ['whose items are no list', '{"items":{},"metadata":{"resourceVersion":"1"}}'],
      ['without a resourceVersion', '{"items":[]}'],
      ['that is a text', '"items"'],
      ['that is null', 'null'],
      ['whose continue is a number', '{"items":[],"metadata":{"resourceVersion":"1","continue":7}}'],
    ] as const)
      it(what, async () => {
        says(200, body);
        await assert.rejects(server.list(pods, {}), isFailure('API_MALFORMED', /list of pods/, /check/));
      });

    it('with null for no items, as Go writes it', async () => {
      says(200, '{"items":null,"metadata":{"resourceVersion":"1"}}');
      assert.deepEqual(await server.list(pods, {}), { items: [], resourceVersion: '1', continue: '' });
    });

    it('never', async () => {
      misbehaving.answer = () => undefined;
      const list = assert.rejects(
        server.list(pods, {}),
        isFailure('API_UNREACHABLE', /no answer within 30000 ms/),
      );
      await holds(() => misbehaving.requests.length === 1);
      await clock.advance(answerMillis);
      await list;
    });

    it('and stops in the middle', async () => {
      misbehaving.answer = (_, response) => response.writeHead(200).write('{"items":');
      const list = assert.rejects(server.list(pods, {}), isFailure('API_UNREACHABLE', /nothing was sent/));
      await holds(() => misbehaving.requests.length === 1);
      await settled();
      await clock.advance(60_000);
      await list;
    });

    it('and resets the connection in the middle', async () => {
      misbehaving.answer = (_, response) => {
        response.writeHead(200).write('{"items":', () => response.destroy());
      };
      await assert.rejects(server.list(pods, {}), isFailure('API_UNREACHABLE', /list of pods/));
    });

    it('after it has closed a connection that was kept: it is asked once more', async () => {
      says(200, '{"items":[],"metadata":{"resourceVersion":"1"}}');
      await server.list(pods, {});
      await settled();
      let isFirst = true;
      const answer = misbehaving.answer;
      misbehaving.answer = (request, response) => {
        if (isFirst) request.socket.destroy();
        else answer(request, response);
        isFirst = false;
      };
      assert.equal((await server.list(pods, {})).resourceVersion, '1');
      assert.equal(misbehaving.connections, 2);
    });

    it('and closes it for a write: this is not repeated', async () => {
      says(200, '{"items":[],"metadata":{"resourceVersion":"1"}}');
      await server.list(pods, {});
      await settled();
      misbehaving.answer = (request) => request.socket.destroy();
      const write = server.patch(pods, { namespace: 'shop', name: 'cart' }, { how: 'merge' }, {});
      await assert.rejects(write, isFailure('API_UNREACHABLE', /patch of pods shop\/cart/));
      assert.equal(misbehaving.requests.length, 2);
    });
  });

  describe('sends a watch', () => {
    it('byte by byte', async () => {
      const { seen, done } = await watched((response) => {
        for (const byte of Buffer.from(`${event('ä')}\n\r\n${event('b')}`))
          response.write(Buffer.from([byte]));
        response.end();
      });
      await done;
      assert.deepEqual(
        seen.map(({ object }) => (object as { metadata: { name: string } }).metadata.name),
        ['ä', 'b'],
      );
    });

    it('and closes it in order, which is no failure; a line without its end is no event', async () => {
      const { seen, done } = await watched((response) => response.end(`${event('a')}{"type":"ADD`));
      await done;
      assert.equal(seen.length, 1);
    });

    it('and resets it after an event', async () => {
      const { seen, done } = await watched((response) => {
        response.write(event('a'), () => setImmediate(() => response.destroy()));
      });
      await assert.rejects(done, isFailure('API_UNREACHABLE', /watch of pods/));
      assert.ok(seen.length <= 1);
    });

    for (const [what, line] of [
      ['that is not JSON', 'oops'],
      ['of an unknown type', '{"type":"RENAMED","object":{}}'],
      ['that is a list', '[]'],
    ] as const)
      it(`with a line ${what}, after which it fails`, async () => {
        const { seen, done } = await watched((response) =>
          response.write(`${event('a')}${line}\n${event('b')}`),
        );
        await assert.rejects(done, isFailure('API_MALFORMED', /watch of pods/));
        assert.equal(seen.length, 1);
      });

    for (const [size, isTaken] of [
      [maxLineBytes - 1, true],
      [maxLineBytes, true],
      [maxLineBytes + 1, false],
    ] as const)
      it(`with a line of ${size} bytes, which is ${isTaken ? 'taken' : 'refused'}`, async () => {
        const frame = event('').length - 1;
        const { seen, done } = await watched((response) => response.end(event('x'.repeat(size - frame))));
        if (isTaken) await done;
        else await assert.rejects(done, isFailure('API_MALFORMED', /more than 8388608 bytes/));
        assert.equal(seen.length, isTaken ? 1 : 0);
      });

    it('with an ERROR event: 410 for a version that is forgotten', async () => {
      const { done } = await watched((response) =>
        response.write(`${JSON.stringify({ type: 'ERROR', object: { code: 410, message: 'too old' } })}\n`),
      );
      await assert.rejects(done, isFailure('API_GONE', /watch of pods/, /too old/));
    });

    it('and is silent: it fails after 100 s without a byte, and not before', async () => {
      const { seen, done } = await watched((response) => response.write(event('a')));
      await holds(() => seen.length === 1);
      await clock.advance(silenceMillis - 1);
      let isOver = false;
      done.catch(() => (isOver = true));
      await settled();
      assert.equal(isOver, false);
      await clock.advance(1);
      await assert.rejects(done, isFailure('API_UNREACHABLE', /nothing was sent for 100000 ms/));
    });

    it('whose head does not come', async () => {
      misbehaving.answer = () => undefined;
      const watch = server.watch(pods, {}, new AbortController().signal);
      const refused = assert.rejects(watch, isFailure('API_UNREACHABLE', /watch of pods/));
      await holds(() => misbehaving.requests.length === 1);
      await clock.advance(answerMillis);
      await refused;
    });

    it('that is given up before and after its head', async () => {
      misbehaving.answer = () => undefined;
      const before = new AbortController();
      const refused = assert.rejects(server.watch(pods, {}, before.signal), isFailure('API_UNREACHABLE'));
      await holds(() => misbehaving.requests.length === 1);
      before.abort();
      await refused;
      const after = new AbortController();
      const { done } = await watched((response) => response.write(event('a')), after);
      after.abort();
      await assert.rejects(done, isFailure('API_UNREACHABLE', /given up/));
    });
  });

  it('resets each connection', async () => {
    await misbehaving.stop();
    await assert.rejects(
      server.list(pods, {}),
      isFailure('API_UNREACHABLE', /list of pods got no answer/, /check that the API server runs/),
    );
    misbehaving = await new MisbehavingServer().start();
  });

  it('has kept no TLS session of ours: each connection is verified as the first was', async () => {
    says(200, '{"items":[],"metadata":{"resourceVersion":"1"}}');
    for (let i = 0; i < 3; i++) {
      await server.list(pods, {});
      await settled();
      misbehaving.closeIdle();
      await settled();
    }
    assert.ok(misbehaving.connections >= 2);
    assert.equal(misbehaving.resumed, 0);
  });
});
