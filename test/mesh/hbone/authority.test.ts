import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatAuthority, parseAuthority } from '@isthmus/mesh/hbone/authority.ts';

describe('mesh/hbone authority', () => {
  const accepted: Record<string, object> = {
    '10.0.0.1:80': { kind: 'address', host: '10.0.0.1', port: 80 },
    '[::1]:15008': { kind: 'address', host: '::1', port: 15_008 },
    'Shop.Example:8080': { kind: 'hostname', host: 'shop.example', port: 8080 },
  };
  for (const [text, value] of Object.entries(accepted))
    it(`reads ${text}`, () => assert.deepEqual(parseAuthority(text), { ok: true, value }));

  for (const text of [
    '',
    'shop',
    'shop:',
    ':80',
    'shop:0',
    'shop:65536',
    'a b:1',
    '[1.2.3.4]:1',
    '::1:80',
    'u@shop:80',
    'shop:80/x',
    `${'a'.repeat(300)}:1`,
  ])
    it(`refuses '${text.slice(0, 20)}'`, () => assert.equal(parseAuthority(text).ok, false));

  it('reads what it writes, and never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.domain()), fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        const parsed = parseAuthority(formatAuthority(host, port));
        assert.ok(parsed.ok && parsed.value.port === port);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void parseAuthority(text)));
  });
});
