import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readGreeting, readRequest } from '../../ztunnel/capture/loopback/socks5.ts';

const byName = Buffer.concat([Buffer.from([5, 1, 0, 3, 4]), Buffer.from('shop'), Buffer.from([0x1f, 0x90])]);

describe('ztunnel/capture socks5', () => {
  it('needs more for every prefix, and then gives one answer', () => {
    for (let length = 0; length < byName.length; length++)
      assert.equal(readRequest(byName.subarray(0, length)).kind, 'need-more');
    assert.deepEqual(readRequest(Buffer.concat([byName, Buffer.from('rest')])), {
      kind: 'request',
      used: byName.length,
      target: { kind: 'hostname', hostname: 'shop', port: 8080 },
    });
  });

  it('reads addresses of both families', () => {
    const four = readRequest(Buffer.from([5, 1, 0, 1, 127, 64, 20, 5, 0, 80]));
    assert.deepEqual(four.kind === 'request' && four.target, {
      kind: 'address',
      address: '127.64.20.5',
      port: 80,
    });
    const six = readRequest(
      Buffer.concat([Buffer.from([5, 1, 0, 4]), Buffer.alloc(15), Buffer.of(1, 0, 80)]),
    );
    assert.equal(
      six.kind === 'request' && six.target.kind === 'address' && six.target.address,
      '0000:0000:0000:0000:0000:0000:0000:0001',
    );
  });

  it('refuses another version, another command and a client that insists on a password', () => {
    assert.equal(readGreeting(Buffer.from([4, 1, 0])).kind, 'refuse');
    assert.equal(readGreeting(Buffer.from([5, 1, 2])).kind, 'refuse');
    assert.equal(readRequest(Buffer.from([5, 2, 0, 1, 0, 0, 0, 0, 0, 0])).kind, 'refuse');
  });

  it('never throws, and never takes more than there is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const read of [readGreeting, readRequest]) {
          const step = read(Buffer.from(bytes));
          assert.ok(!('used' in step) || step.used <= bytes.length);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
