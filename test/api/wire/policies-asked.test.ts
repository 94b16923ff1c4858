import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { ReplySchema } from '@isthmus/api/gen/isthmus/link_pb.js';
import * as link from '@isthmus/api/wire/link.ts';

describe('the question which security policies a cluster has, and its answer', () => {
  it('are on the wire what they were before it', () => {
    const asksPolicies = { kind: 'policies' as const, namespace: 'shop', first: 20, after: 'x' };
    const policiesAsked = { id: 'q', deadlineMillis: 5000, ask: asksPolicies };
    assert.deepEqual(link.question.decode(link.question.encode(policiesAsked)), {
      ok: true,
      value: policiesAsked,
    });
    const verdict = { status: 'Unknown' as const, reason: 'ProxyNotConnected', message: 'it is not known' };
    const policy = {
      kind: 'PeerAuthentication' as const,
      namespace: 'shop',
      name: 'strict',
      action: 'STRICT',
      selector: { app: 'cart' },
      accepted: { status: 'True' as const, reason: 'Accepted', message: '' },
      enforced: verdict,
    };
    const policies = { kind: 'policies' as const, policies: [policy], total: 3, hasNext: true };
    const policiesAnswered = { id: 'q', kind: 'answer' as const, answer: policies };
    assert.deepEqual(link.reply.decode(link.reply.encode(policiesAnswered)), {
      ok: true,
      value: policiesAnswered,
    });
  });

  it('are refused where a policy has no verdict', () => {
    const policy = { kind: 'PeerAuthentication', namespace: 'shop', name: 'strict' };
    const bytes = toBinary(
      ReplySchema,
      create(ReplySchema, { id: 'q', reply: { case: 'policies', value: { policies: [policy] } } }),
    );
    const decoded = link.reply.decode(bytes);
    assert.ok(!decoded.ok);
    assert.match(decoded.error, /policies\[0\]\.accepted\.status/);
  });
});
