import { deepEqual, equal, match } from 'node:assert/strict';
import fc from 'fast-check';
import { addressText } from '@isthmus/mesh/net/address.ts';
import {
  decodeSocketAddress,
  encodeSocketAddress,
  encodeSocketPath,
} from '@isthmus/mesh/native/socket-address.ts';

const address = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map((bytes) => addressText(bytes)!);

describe('socket addresses of the kernel', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(address, fc.nat(65_535), (one, port) => {
        const decoded = decodeSocketAddress(encodeSocketAddress({ address: one, port })!);
        deepEqual(decoded, { ok: true, value: { address: one, port } });
      }),
    );
  });

  it('have IPv4 inside IPv6 as IPv4', () => {
    const bytes = Buffer.alloc(28);
    bytes.writeUInt16LE(10, 0);
    bytes.writeUInt16BE(80, 2);
    bytes.set([0xff, 0xff, 10, 0, 0, 7], 18);
    deepEqual(decodeSocketAddress(bytes), { ok: true, value: { address: '10.0.0.7', port: 80 } });
  });

  it('are refused with what is wrong, and never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        equal(typeof decodeSocketAddress(Buffer.from(bytes)).ok, 'boolean');
      }),
    );
    const reasons = [Buffer.alloc(1), Buffer.alloc(28), Buffer.from([2, 0, 0, 80, 10, 0, 0])].map((bytes) => {
      const decoded = decodeSocketAddress(bytes);
      return decoded.ok ? '' : decoded.error;
    });
    match(reasons[0]!, /at least 2 bytes, not 1/);
    match(reasons[1]!, /the address family 0/);
    match(reasons[2]!, /family 2 has at least 8 bytes, not 7/);
  });

  it('have no text that is no address', () => {
    for (const one of ['', 'host', '010.0.0.1', 'fe80::1%eth0'])
      equal(encodeSocketAddress({ address: one, port: 1 }), undefined, one);
  });

  it('have paths of 1 to 107 bytes', () => {
    const isPath = (path: string) => encodeSocketPath(path) !== undefined;
    deepEqual(
      [0, 1, 106, 107, 108].map((length) => isPath('x'.repeat(length))),
      [false, true, true, true, false],
    );
    equal(isPath('a\0b'), false);
  });
});
