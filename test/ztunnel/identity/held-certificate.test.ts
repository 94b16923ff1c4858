import assert from 'node:assert/strict';
import { readCsr } from '@isthmus/mesh/pki/csr.ts';
import { certificatePem, issueLeaf } from '@isthmus/mesh/pki/issue.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { systemRandom } from '@isthmus/mesh/process/random.ts';
import type { Credentials } from '@isthmus/mesh/tls/credentials.ts';
import { CertificateManager } from '@isthmus/ztunnel/identity/certificate-manager.ts';
import { makeAuthority } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';

const identity = 'spiffe://cluster.local/ns/shop/sa/cart';
const hour = 3_600_000;

/** A service that gives certificates of two hours until a test stops it. */
function world() {
  const clock = new FakeClock(Date.now());
  const authority = makeAuthority();
  const given: Credentials[] = [];
  const service = { up: true, asked: 0 };
  const manager = new CertificateManager({
    clock,
    random: systemRandom,
    log: silentLog,
    request(name, csr) {
      service.asked++;
      if (!service.up) return Promise.reject(new Error('away'));
      const { intermediate, root } = authority;
      const read = readCsr(csr);
      assert.ok(read.ok);
      const life = { now: clock.now(), lifetime: 2 * hour };
      const leaf = issueLeaf(name, read.value.publicKey, intermediate, life, systemRandom);
      return Promise.resolve([leaf, intermediate.certificate, root].map(certificatePem));
    },
    onCertificate: (credentials) => given.push(credentials),
    onFailure: () => undefined,
  });
  return { clock, given, manager, service };
}

describe('ztunnel/identity, a certificate that is held', () => {
  it('is given again to a worker that had forgotten it, and not fetched again', async () => {
    const { clock, given, manager, service } = world();
    manager.want(identity, false);
    await clock.advance(0);
    manager.want(identity, true);
    assert.equal(service.asked, 1);
    assert.equal(given.length, 2);
    assert.equal(given[0], given[1]);
  });

  it('is given while its renewal fails, and not when it has run out', async () => {
    const { clock, given, manager, service } = world();
    manager.want(identity, false);
    await clock.advance(0);
    service.up = false;
    await clock.advance(1.5 * hour);
    assert.ok(service.asked > 1);
    manager.want(identity, true);
    assert.equal(given.length, 2);
    await clock.advance(hour);
    manager.want(identity, true);
    assert.equal(given.length, 2);
  });
});
