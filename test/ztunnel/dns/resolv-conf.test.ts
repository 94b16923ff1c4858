import assert from 'node:assert/strict';
import { readResolvConf } from '@isthmus/ztunnel/dns/resolv-conf.ts';

describe('a resolv.conf', () => {
  it('names resolvers and search domains, and what means nothing is skipped', () =>
    assert.deepEqual(
      readResolvConf(`# made by kubelet
search Shop.svc.cluster.local. svc.cluster.local  cluster.local ; more
nameserver 10.96.0.10
nameserver fd00::0a
nameserver fe80::1%eth0
nameserver nowhere
nameserver
options ndots:5
`),
      {
        nameservers: [
          { address: '10.96.0.10', port: 53 },
          { address: 'fd00::a', port: 53 },
        ],
        search: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
      },
    ));

  it('has the search list that comes last', () =>
    assert.deepEqual(readResolvConf('search a b\ndomain c').search, ['c']));

  it('may be empty', () => assert.deepEqual(readResolvConf(''), { nameservers: [], search: [] }));

  for (const [count, kept] of [
    [2, 2],
    [3, 3],
    [4, 3],
  ] as const)
    it(`with ${count} resolvers has ${kept}`, () => {
      const lines = Array.from({ length: count }, (_, i) => `nameserver 10.0.0.${i}`);
      assert.equal(readResolvConf(lines.join('\n')).nameservers.length, kept);
    });

  for (const [count, kept] of [
    [31, 31],
    [32, 32],
    [33, 32],
  ] as const)
    it(`with ${count} search domains has ${kept}`, () => {
      const names = Array.from({ length: count }, (_, i) => `d${i}`);
      assert.equal(readResolvConf(`search ${names.join(' ')}`).search.length, kept);
    });
});
