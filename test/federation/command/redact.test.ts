import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { redaction, textRedaction } from '@isthmus/federation/command/redact.ts';

const hash = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const known = 'the-admin-token-of-this-hub';
const text = textRedaction([known]);
const redact = redaction(text);
const joinToken = 'isthmus-join.v1.eyJjbHVzdGVyIjoibm9ydGgifQ';
const pem = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----';

describe('what the audit log keeps of a value', () => {
  it('has the hash of a secret in place of it, by the name of its field', () => {
    for (const field of [
      'secret',
      'token',
      'password',
      'clientSecret',
      'adminToken',
      'privateKey',
      'sealedKey',
    ])
      assert.deepEqual(redact({ [field]: 'canary' }), { [field]: hash('canary') });
    assert.deepEqual(redact({ token: { of: 'canary' } }), { token: hash('{"of":"canary"}') });
  });

  it('shows the stored hash of a join token as that of the secret that a join is recorded with', () => {
    const secretHash = createHash('sha256').update('canary').digest('hex');
    assert.deepEqual(redact({ secretHash }), { secretHash: hash('canary') });
  });

  it('has the hash of a secret that was put into any other field or key', () => {
    for (const secret of [known, joinToken, pem])
      for (const field of ['reason', 'name', 'message'])
        assert.deepEqual(redact({ [field]: `it is ${secret}!` }), { [field]: `it is ${hash(secret)}!` });
    assert.deepEqual(redact({ labels: { [known]: [known] } }), { labels: { [hash(known)]: [hash(known)] } });
    assert.equal(text('-----BEGIN PRIVATE KEY-----\ncut off'), hash('-----BEGIN PRIVATE KEY-----\ncut off'));
  });

  it('is otherwise the value, as JSON', () => {
    const value = {
      id: 'x',
      ports: [80, 443],
      tokenId: 't',
      key: 'app',
      on: true,
      off: null,
    };
    assert.deepEqual(redact({ ...value, none: undefined }), value);
    assert.equal(redact(undefined), null);
    assert.deepEqual(redact([undefined, 1]), [null, 1]);
  });

  it('has times as ISO 8601', () => {
    const at = Date.UTC(2030, 0, 31, 3);
    for (const field of ['at', 'createdAt', 'expiresAt', 'deadline', 'drainDeadline', 'notAfter'])
      assert.deepEqual(redact({ [field]: at }), { [field]: '2030-01-31T03:00:00.000Z' });
    assert.deepEqual(redact({ percent: at, flat: at }), { percent: at, flat: at });
    assert.deepEqual(redact({ expiresAt: 8.64e15 + 1 }), { expiresAt: 8.64e15 + 1 });
  });
});
