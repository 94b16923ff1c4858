import assert from 'node:assert/strict';
import { Metadata } from '@grpc/grpc-js';
import { replicaClaim } from '../../../federation/link/replica-claim.ts';

const headers = (of: Readonly<Record<string, string>>) => {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(of)) metadata.set(name, value);
  return metadata;
};

describe('federation/link: which replica of an agent calls', () => {
  it('is the only one, and leads, where it says nothing', () => {
    assert.deepEqual(replicaClaim(headers({})), { id: 'main', role: 'leader', agentVersion: '' });
  });

  for (const [id, isTaken] of [
    ['isthmus-agent-7d4.x', true],
    ['Agent', false],
    ['-', false],
    ['', false],
    ['a'.repeat(63), true],
    ['a'.repeat(64), false],
  ] as const)
    it(`${id} is ${isTaken ? 'taken' : 'refused, with the header and the rule'}`, () => {
      const claim = () => replicaClaim(headers({ 'isthmus-replica': id, 'isthmus-role': 'follower' }));
      if (isTaken) assert.deepEqual(claim(), { id, role: 'follower', agentVersion: '' });
      else assert.throws(claim, /isthmus-replica is no name of a pod: it is an RFC 1123 name/);
    });

  it('another role than leader and follower is refused', () => {
    assert.throws(
      () => replicaClaim(headers({ 'isthmus-replica': 'a', 'isthmus-role': 'king' })),
      /role of replica a is neither leader nor follower/,
    );
  });

  it('a version that could end a line is not taken', () => {
    assert.equal(replicaClaim(headers({ 'isthmus-agent-version': '1.2.3' })).agentVersion, '1.2.3');
    assert.equal(replicaClaim(headers({ 'isthmus-agent-version': 'x y' })).agentVersion, '');
  });
});
