import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { ApiCertificate, lookMillis } from '../../../federation/graphql/api-certificate.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { ServerCa } from '../../fakes/server-pair.ts';

describe('the certificate of the API', () => {
  let dir = '';
  const clock = new FakeClock();
  const ca = new ServerCa(clock.now());
  let stop = new AbortController();
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'isthmus-api-pair-'))));
  afterEach(() => rmSync(dir, { recursive: true }));
  after(() => stop.abort());

  const files = () => ({ cert: join(dir, 'tls.crt'), key: join(dir, 'tls.key') });
  const write = ({ cert, key }: { cert?: string; key?: string }) => {
    if (cert !== undefined) writeFileSync(files().cert, cert);
    if (key !== undefined) writeFileSync(files().key, key);
  };
  /** Long enough for no finding of its end. */
  const issue = (from = clock.now()) => ca.issue(['hub.example'], from);
  const log: string[] = [];
  const certificate = () => {
    stop.abort();
    stop = new AbortController();
    const own = new ApiCertificate({
      files: files(),
      clock,
      log: { ...silentLog, warn: (fields) => void log.push(JSON.stringify(fields)) },
    });
    const served: unknown[] = [];
    own.follow({ setSecureContext: (options) => void served.push(options.cert) }, stop.signal);
    return { own, served };
  };
  const reasons = (own: ApiCertificate) =>
    own.findings().map(({ reason, severity }) => `${severity} ${reason}`);

  it('is replaced when its files change, and only then', async () => {
    const [first, second] = [issue(), issue()];
    write(first);
    const { own, served } = certificate();
    await clock.advance(3 * lookMillis);
    assert.deepEqual(served, []);
    write(second);
    await clock.advance(lookMillis);
    assert.deepEqual(served, [second.cert]);
    assert.deepEqual(own.pair, second);
  });

  it('stays the one before when the new pair cannot be served, with a finding until it can', async () => {
    const bad = {
      'another key': { key: issue().key },
      'no certificate': { cert: 'hello' },
      'no key': { key: '-----BEGIN PRIVATE KEY-----' },
      'an expired one': issue(clock.now() - day),
    };
    for (const [what, pair] of Object.entries(bad)) {
      const first = issue();
      write(first);
      const { own, served } = certificate();
      write(pair);
      log.length = 0;
      await clock.advance(3 * lookMillis);
      assert.deepEqual(served, [], what);
      assert.deepEqual(own.pair, first, what);
      const isExpired = what === 'an expired one';
      const severity = isExpired ? 'WARNING' : 'ERROR';
      assert.ok(reasons(own).includes(`${severity} API_CERTIFICATE_REFUSED`), what);
      assert.equal(own.findings()[0]!.remedy.includes('before the hub starts again'), !isExpired, what);
      const said = `${own
        .findings()
        .map(({ message }) => message)
        .join()} ${log.join()}`;
      assert.ok(said.includes(dir), said);
      assert.ok(!said.includes('PRIVATE KEY'), said);
      assert.equal(log.length, 1, 'logged once');
      const good = issue();
      write(good);
      await clock.advance(lookMillis);
      assert.deepEqual(served, [good.cert], what);
      assert.ok(!reasons(own).join().includes('API_CERTIFICATE_REFUSED'), what);
    }
  });

  it('stays while its files are away', async () => {
    write(issue());
    const { own } = certificate();
    rmSync(files().cert);
    await clock.advance(lookMillis);
    assert.ok(reasons(own).includes('ERROR API_CERTIFICATE_REFUSED'));
    assert.match(own.findings()[0]!.message, /tls\.crt cannot be read \(ENOENT\)/);
  });

  it('is reported from seven days before its end, and as an error from its end on', async () => {
    write(issue());
    const { own } = certificate();
    assert.deepEqual(reasons(own), ['WARNING API_CERTIFICATE_EXPIRES']);
    stop.abort();
    await clock.advance(day - 1);
    assert.deepEqual(reasons(own), ['WARNING API_CERTIFICATE_EXPIRES']);
    await clock.advance(1);
    assert.deepEqual(reasons(own), ['ERROR API_CERTIFICATE_EXPIRES']);
    assert.deepEqual(reasons(certificate().own), ['ERROR API_CERTIFICATE_EXPIRES'], 'a start serves it too');
  });

  it('keeps a hub from starting when there is none to serve', () => {
    assert.throws(certificate, { code: 'API_CERTIFICATE', message: /tls\.crt cannot be read/ });
    write({ ...issue(), key: issue().key });
    assert.throws(certificate, { code: 'API_CERTIFICATE', message: /is not the one of the certificate/ });
  });
});
