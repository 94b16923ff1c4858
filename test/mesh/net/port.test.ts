import assert from 'node:assert/strict';
import { parseAuthority } from '@isthmus/mesh/hbone/authority.ts';
import { readHost } from '@isthmus/mesh/http/target.ts';
import { parsePassthroughSni } from '@isthmus/mesh/decide/sni.ts';
import { readPort } from '@isthmus/mesh/net/port.ts';
import { readAddress } from '@isthmus/mesh/process/flags.ts';

describe('mesh/net/port', () => {
  for (const [text, port] of Object.entries({ '1': 1, '80': 80, '8081': 8081, '65535': 65_535 }))
    it(`reads ${text}, wherever a port is text`, () => {
      assert.equal(readPort(text), port);
      assert.equal(parseAuthority(`10.0.0.1:${text}`).ok, true);
      assert.equal(parsePassthroughSni(`outbound_.${text}_._.a.b`)?.port, port);
      assert.equal(readHost(`a:${text}`).ok, true);
      assert.equal(readAddress(`a:${text}`)?.port, port);
    });

  for (const text of [
    '',
    '0',
    '00',
    '65536',
    '08081',
    '008',
    '0x50',
    '8e3',
    '+80',
    '-80',
    ' 80',
    '80 ',
    '1_0',
    '80.0',
    '८०',
  ])
    it(`refuses ${JSON.stringify(text)}, wherever a port is text`, () => {
      assert.equal(readPort(text), undefined);
      assert.equal(parseAuthority(`10.0.0.1:${text}`).ok, false);
      assert.equal(parsePassthroughSni(`outbound_.${text}_._.a.b`), undefined);
      assert.equal(readHost(`a:${text}`).ok, false);
      // 0 stands for any free port.
      if (text !== '0') assert.equal(readAddress(`a:${text}`), undefined);
    });
});
