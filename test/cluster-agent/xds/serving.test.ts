import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { servingIdentity } from '@isthmus/cluster-agent/xds/serving.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { aSealing } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';

describe('the certificate of the listener for proxies', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'isthmus-serving-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  const serve = (address: string) =>
    servingIdentity(dir, [address].flat(), { clock: new FakeClock(), ...aSealing, log: silentLog });
  const isPinned = (chain: string) =>
    new X509Certificate(chain).verify(new X509Certificate(readFileSync(join(dir, 'xds-root.pem'))).publicKey);

  it('is the same after a restart, its key sealed meanwhile', () => {
    const served = serve('127.64.16.1');
    assert.ok(!readFileSync(join(dir, 'xds-serving.json'), 'utf8').includes('PRIVATE KEY'));
    assert.deepEqual(serve('127.64.16.1'), served);
  });

  it('is another when the listener has moved, under the root that proxies pin then', () => {
    serve('127.64.16.1');
    const { chain } = serve('127.64.16.2');
    assert.ok(new X509Certificate(chain).checkIP('127.64.16.2'));
    assert.ok(isPinned(chain));
  });

  it('is pinned again when the root that proxies read was lost, or is of a crash between the two files', () => {
    const served = serve('127.64.16.1');
    rmSync(join(dir, 'xds-root.pem'));
    assert.deepEqual(serve('127.64.16.1'), served);
    assert.ok(isPinned(served.chain));
    writeFileSync(join(dir, 'xds-root.pem'), 'of another start');
    assert.deepEqual(serve('127.64.16.1'), served);
    assert.ok(isPinned(served.chain));
  });

  for (const [what, text] of [
    ['half written', '{"key": "'],
    ['of another shape', '[]'],
  ] as const)
    it(`is made again when its file is ${what}`, () => {
      serve('agent.example');
      writeFileSync(join(dir, 'xds-serving.json'), text);
      const { chain } = serve('agent.example');
      assert.ok(new X509Certificate(chain).checkHost('agent.example'));
      assert.ok(isPinned(chain));
      assert.equal(readFileSync(join(dir, 'xds-serving.json.damaged'), 'utf8'), text);
    });
});
