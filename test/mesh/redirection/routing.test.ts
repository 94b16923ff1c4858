import { deepEqual, equal } from 'node:assert/strict';
import { routingArguments, routingFaults, routingRemoval } from '@isthmus/mesh/redirection/routing.ts';

const rule = '32764:\tfrom all fwmark 0x111/0xfff lookup 100\n';
const others = '0:\tfrom all lookup local\n32764:\tfrom all fwmark 0x112/0xfff lookup 100\n';
const route = 'local default dev lo scope host \n';

describe('the routing of deliveries', () => {
  it('is whole with one rule and the route', () => {
    deepEqual(routingFaults('IPV4', { rules: others + rule, routes: route }), []);
    deepEqual(
      routingArguments('IPV4', { rules: rule, routes: route }).map(([, verb]) => verb),
      ['route'],
    );
  });

  // Older kernels take a rule twice.
  for (const count of [0, 2, 3])
    it(`is made whole with ${count} rules`, () => {
      const found = { rules: others + rule.repeat(count), routes: '' };
      equal(routingFaults('IPV4', found).length, 2);
      const verbs = routingArguments('IPV4', found)
        .filter(([, of]) => of === 'rule')
        .map(([, , verb]) => verb);
      deepEqual(verbs, count === 0 ? ['add'] : Array.from({ length: count - 1 }, () => 'del'));
      equal(routingRemoval('IPV4', found).length, count);
    });
});
