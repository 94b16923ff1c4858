import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IssuedCertificates } from '@isthmus/cluster-agent/health/issued-certificates.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { FakeClock } from '../../fakes/clock.ts';

const hour = 3_600_000;
const cart = 'spiffe://cluster.local/ns/shop/sa/cart';

describe('the record of issued certificates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-issued-'));
  const path = join(folder, 'issued.jsonl');
  const clock = new FakeClock();
  const opened: IssuedCertificates[] = [];
  const open = () => {
    const record = new IssuedCertificates({ path, clock, log: silentLog });
    opened.push(record);
    return record;
  };
  afterEach(() => {
    for (const record of opened.splice(0)) record.close();
    rmSync(path, { force: true });
  });
  after(() => rmSync(folder, { recursive: true }));

  it('has the last certificate for a proxy and an identity, also after the agent was killed', () => {
    const record = open();
    record.record('z1', cart, { notAfter: clock.now() + hour, issuer: 'k1' });
    record.record('z1', cart, { notAfter: clock.now() + 2 * hour, issuer: 'k2' });
    record.record('z2', cart, { notAfter: clock.now() + hour, issuer: 'k1' });
    // It was not closed: a kill leaves it so.
    const again = open();
    assert.deepEqual(again.of('z1', cart), { notAfter: clock.now() + 2 * hour, issuer: 'k2' });
    assert.deepEqual(again.of('z2', cart), { notAfter: clock.now() + hour, issuer: 'k1' });
    assert.equal(again.of('z1', 'spiffe://cluster.local/ns/shop/sa/other'), undefined);
    assert.equal(again.since, record.since);
  });

  it('says since when it is whole: from now on when it was lost or damaged', async () => {
    const first = open();
    const { since } = first;
    first.record('z1', cart, { notAfter: clock.now() + hour, issuer: 'k1' });
    await clock.advance(1000);
    assert.equal(open().since, since);
    appendFileSync(path, '["z2","spiff');
    const damaged = open();
    assert.equal(damaged.since, since + 1000);
    assert.ok(damaged.of('z1', cart), 'what can be read stays');
    writeFileSync(path, 'no header\n');
    assert.equal(open().since, since + 1000);
    rmSync(path);
    await clock.advance(1000);
    assert.equal(open().since, since + 2000);
  });

  it('stays as small as what is in force: superseded and expired lines are left out', async () => {
    const record = open();
    const lines = () => readFileSync(path, 'utf8').trimEnd().split('\n').length;
    for (let i = 0; i < 1000; i++)
      record.record('z1', cart, { notAfter: clock.now() + hour, issuer: `k${i}` });
    assert.equal(lines(), 1001);
    record.record('z1', cart, { notAfter: clock.now() + hour, issuer: 'last' });
    assert.equal(lines(), 2);
    assert.equal(open().of('z1', cart)?.issuer, 'last');
    await clock.advance(hour);
    open();
    assert.equal(lines(), 1);
  });

  it('goes on in memory where the disk is full', () => {
    const record = new IssuedCertificates({ path: join(folder, 'missing', 'issued'), clock, log: silentLog });
    record.record('z1', cart, { notAfter: clock.now() + hour, issuer: 'k1' });
    assert.equal(record.of('z1', cart)?.issuer, 'k1');
  });

  it('says what cannot be written, and writes all of it once it can be', () => {
    const path = join(folder, 'later', 'issued');
    let unsaved = 0;
    const record = new IssuedCertificates({ path, clock, log: silentLog, onUnsaved: () => unsaved++ });
    record.record('z1', cart, { notAfter: clock.now() + hour, issuer: 'k1' });
    assert.match(record.unsaved ?? '', /issued cannot be written \(ENOENT\)/);
    record.save();
    assert.deepEqual([record.isUnsaved, unsaved], [true, 3]);
    mkdirSync(join(folder, 'later'));
    record.save();
    assert.deepEqual([record.isUnsaved, record.unsaved], [false, undefined]);
    const again = new IssuedCertificates({ path, clock, log: silentLog });
    assert.equal(again.of('z1', cart)?.issuer, 'k1');
  });
});
