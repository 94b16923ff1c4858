import assert from 'node:assert/strict';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import type { ApiServer, Resource } from '@isthmus/api/kube/api-server.ts';
import {
  keptMillis,
  maxAnswers,
  maxPending,
  refusedMillis,
  TokenReviews,
} from '@isthmus/cluster-agent/source/kubernetes/token-review.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../../../fakes/clock.ts';

const caller = {
  namespace: 'shop',
  serviceAccount: 'cart',
  pod: { name: 'cart-1', uid: 'c1' },
  node: 'n1',
};
const claims = {
  'authentication.kubernetes.io/pod-name': ['cart-1'],
  'authentication.kubernetes.io/pod-uid': ['c1'],
  'authentication.kubernetes.io/node-name': ['n1'],
};
const accepted = {
  authenticated: true,
  audiences: ['istio-ca'],
  user: { username: 'system:serviceaccount:shop:cart', extra: claims },
};

/** A token that ends at a time, epoch milliseconds. */
const tokenUntil = (end: number, salt = ''): string =>
  `head.${Buffer.from(JSON.stringify({ exp: end / 1000, salt })).toString('base64url')}.sign`;

describe('the review of a token by the API server', () => {
  let clock: FakeClock;
  let asked: { readonly resource: Resource; readonly object: unknown }[];
  let answer: () => unknown;
  let reviews: TokenReviews;

  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    answer = () => ({ status: accepted });
    const server: Pick<ApiServer, 'create'> = {
      async create(resource, _namespace, object) {
        asked.push({ resource, object });
        return await Promise.resolve(answer());
      },
    };
    reviews = new TokenReviews({ server, clock, log: silentLog });
  });

  const later = () => tokenUntil(clock.now() + 3_600_000);
  const prove = (token = later()) => reviews.authenticate(`Bearer ${token}`);
  const refusedFor = (message: RegExp, token?: string) =>
    assert.rejects(prove(token), { code: 'UNAUTHENTICATED', message });

  it('proves account, pod and node, for audience istio-ca', async () => {
    const token = later();
    assert.deepEqual(await prove(token), caller);
    assert.deepEqual(
      asked.map(({ resource, object }) => [resource.plural, (object as { spec: unknown }).spec]),
      [['tokenreviews', { token, audiences: ['istio-ca'] }]],
    );
  });

  const refusals: readonly (readonly [string, object, RegExp])[] = [
    [
      'that the server does not accept',
      { authenticated: false, error: 'expired' },
      /does not accept.*expired/,
    ],
    ['for another audience', { ...accepted, audiences: ['vault'] }, /audience istio-ca/],
    ['of a server without audiences', { ...accepted, audiences: undefined }, /audience istio-ca/],
    ['of a user', { ...accepted, user: { username: 'jane', extra: claims } }, /service account/],
    [
      'of a name with too many parts',
      { ...accepted, user: { username: 'system:serviceaccount:shop:cart:x', extra: claims } },
      /service account/,
    ],
    ['bound to no pod', { ...accepted, user: { ...accepted.user, extra: {} } }, /bound to no pod/],
    [
      'bound to a pod without a uid',
      {
        ...accepted,
        user: { ...accepted.user, extra: { ...claims, 'authentication.kubernetes.io/pod-uid': [] } },
      },
      /bound to no pod/,
    ],
    [
      'that names no node',
      {
        ...accepted,
        user: { ...accepted.user, extra: { ...claims, 'authentication.kubernetes.io/node-name': [''] } },
      },
      /names no node: Kubernetes 1.30/,
    ],
  ];
  for (const [what, status, why] of refusals)
    it(`refuses a token ${what}, with the reason`, async () => {
      answer = () => ({ status });
      await refusedFor(why);
    });

  it('asks about no token that is missing, or longer than 16 KiB', async () => {
    await assert.rejects(reviews.authenticate(undefined), { code: 'UNAUTHENTICATED' });
    await assert.rejects(reviews.authenticate('Basic eDp5'), { code: 'UNAUTHENTICATED' });
    await refusedFor(/16 KiB/, 'x'.repeat(16_385));
    assert.equal(asked.length, 0);
    await prove('x'.repeat(16_384));
    assert.equal(asked.length, 1);
  });

  it('counts for 60 s', async () => {
    const token = later();
    await prove(token);
    await clock.advance(keptMillis - 1);
    await prove(token);
    assert.equal(asked.length, 1);
    await clock.advance(1);
    await prove(token);
    assert.equal(asked.length, 2);
  });

  it('never counts past the end of the token', async () => {
    const token = tokenUntil(clock.now() + 10_000);
    await prove(token);
    await clock.advance(9_999);
    await prove(token);
    assert.equal(asked.length, 1);
    await clock.advance(1);
    answer = () => ({ status: { authenticated: false, error: 'expired' } });
    await refusedFor(/expired/, token);
  });

  it('of a refused token counts for 5 s', async () => {
    answer = () => ({ status: { authenticated: false } });
    const token = later();
    await refusedFor(/does not accept/, token);
    await clock.advance(refusedMillis - 1);
    await refusedFor(/does not accept/, token);
    assert.equal(asked.length, 1);
    answer = () => ({ status: accepted });
    await clock.advance(1);
    assert.deepEqual(await prove(token), caller);
  });

  it('of one token is asked for once at a time', async () => {
    const token = later();
    assert.deepEqual(await Promise.all([prove(token), prove(token)]), [caller, caller]);
    assert.equal(asked.length, 1);
  });

  it('that the API server does not answer refuses nobody, and is a condition until one is answered', async () => {
    answer = () => {
      throw new ApiFailure('API_FORBIDDEN', 'tokenreviews is forbidden', { status: 403 });
    };
    await assert.rejects(prove(), { code: 'NOT_REVIEWED', message: /tokenreviews is forbidden; call again/ });
    assert.deepEqual(
      reviews.conditions().map(({ reason }) => reason),
      ['TOKENS_NOT_REVIEWED'],
    );
    answer = () => ({ status: accepted });
    await prove();
    assert.deepEqual(reviews.conditions(), []);
  });

  it('that cannot be read is none', async () => {
    for (const unread of [undefined, 'yes', { status: { authenticated: 'yes' } }, {}]) {
      answer = () => unread;
      await assert.rejects(prove(), { code: 'NOT_REVIEWED' });
    }
  });

  it('of an accepted token is still known after ten thousand refusals', async () => {
    const good = later();
    await prove(good);
    answer = () => ({ status: { authenticated: false } });
    for (let i = 0; i <= maxAnswers; i++) await assert.rejects(prove(`junk-${i}`));
    const before = asked.length;
    assert.deepEqual(await prove(good), caller);
    await assert.rejects(prove('junk-1'));
    assert.equal(asked.length, before);
    await assert.rejects(prove('junk-0'));
    assert.equal(asked.length, before + 1, 'the oldest refusal is forgotten');
  });

  it('waits with 256 others at most', async () => {
    const waiting = Promise.withResolvers<unknown>();
    answer = () => waiting.promise;
    const all = Array.from({ length: maxPending }, (_, i) => prove(`token-${i}`));
    await assert.rejects(prove('one-more'), { code: 'NOT_REVIEWED', message: /too many/ });
    waiting.resolve({ status: accepted });
    assert.equal((await Promise.all(all)).length, maxPending);
    assert.deepEqual(await prove('one-more'), caller);
  });
});
