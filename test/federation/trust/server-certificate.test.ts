import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { day } from '@isthmus/mesh/pki/issue.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { LinkCa, mintLinkCa } from '../../../federation/trust/link-ca.ts';
import { maxNames } from '../../../federation/trust/kept-names.ts';
import { ServerCertificate } from '../../../federation/trust/server-certificate.ts';
import { aSealing } from '../../fakes/authority.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FakeOutside } from '../../fakes/outside.ts';

describe('the certificate of the link', () => {
  const world = (before: readonly string[] = []) => {
    let kept = before;
    const names = {
      read: () => kept,
      write: (all: readonly string[]) => void (kept = all),
    };
    const clock = new FakeClock();
    const outside = new FakeOutside();
    const { provider, random } = aSealing;
    const ca = LinkCa.open(
      mintLinkCa('hub', { provider, random, now: clock.now() }),
      provider,
      clock,
      random,
    );
    const certificate = new ServerCertificate({ ca, outside, names, clock, log: silentLog });
    const shown: string[] = [];
    const stop = new AbortController();
    const follow = () => certificate.follow(({ chain }) => void shown.push(namesOf(chain)), stop.signal);
    return { clock, outside, certificate, shown, stop, follow, kept: () => kept };
  };
  const namesOf = (chain: string): string => new X509Certificate(chain).subjectAltName ?? '';

  it('names where the hub is reached, and is issued again when that is another name', () => {
    const { outside, certificate, shown, stop, follow } = world();
    assert.equal(namesOf(certificate.current.chain), 'IP Address:127.0.0.1');
    follow();
    assert.deepEqual(shown, []);
    outside.move({ hosts: ['hub.example', '2001:db8::7'] });
    assert.deepEqual(shown, ['DNS:hub.example, IP Address:2001:DB8:0:0:0:0:0:7, IP Address:127.0.0.1']);
    assert.equal(namesOf(certificate.current.chain), shown[0]);
    stop.abort();
    outside.move({ hosts: ['other.example'] });
    assert.equal(shown.length, 1);
  });

  it('stays as it is when the hub is nowhere, or at an address that it names', () => {
    const { outside, shown, follow } = world();
    follow();
    outside.lose({ message: 'gone', remedy: 'wait' });
    outside.move({ hosts: ['127.0.0.1'], unresolved: ['a.example'] });
    assert.deepEqual(shown, []);
  });

  it('is issued for an address that became known before it was followed', () => {
    const { outside, shown, follow } = world();
    outside.move({ hosts: ['192.0.2.7'] });
    follow();
    assert.deepEqual(shown, ['IP Address:192.0.2.7, IP Address:127.0.0.1']);
  });

  it('has the names of before the hub started, the newest first, and each new one is kept', () => {
    const { outside, certificate, follow, kept } = world(['127.0.0.1', 'old.example']);
    assert.equal(namesOf(certificate.current.chain), 'IP Address:127.0.0.1, DNS:old.example');
    follow();
    outside.move({ hosts: ['new.example'] });
    assert.deepEqual(kept(), ['new.example', '127.0.0.1', 'old.example']);
  });

  for (const count of [maxNames - 1, maxNames, maxNames + 1])
    it(`names ${maxNames} at most, the newest, of ${count}`, () => {
      const { outside, certificate, follow } = world();
      follow();
      for (let i = 1; i < count; i++) outside.move({ hosts: [`host-${i}.example`] });
      const names = namesOf(certificate.current.chain).split(', ');
      assert.equal(names.length, Math.min(count, maxNames));
      assert.equal(names[0], `DNS:host-${count - 1}.example`);
      assert.equal(names.includes('IP Address:127.0.0.1'), count <= maxNames);
    });

  it('is issued again when half of its life is over', async () => {
    const { clock, shown, follow } = world();
    follow();
    await clock.advance(182 * day);
    assert.deepEqual(shown, []);
    await clock.advance(day);
    assert.equal(shown.length, 1);
    await clock.advance(182 * day);
    assert.equal(shown.length, 1);
  });
});
