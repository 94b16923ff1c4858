import { deepEqual, equal, match } from 'node:assert/strict';
import { readPodOptions } from '@isthmus/mesh/redirection/pod-options.ts';

const read = (annotations: Readonly<Record<string, string>>, dns = false) =>
  readPodOptions(annotations, { dns });
const interfaces = (written: string) => read({ 'istio.io/reroute-virtual-interfaces': written });

describe('the annotations of a pod about redirection', () => {
  it('without any, DNS is as the node has it and inbound is captured', () => {
    for (const dns of [true, false])
      deepEqual(read({}, dns), { ok: true, value: { dns, inbound: true, virtualInterfaces: [] } });
  });

  it('override what the node has', () => {
    const written = {
      'ambient.istio.io/dns-capture': 'true',
      'ambient.istio.io/bypass-inbound-capture': 'true',
      'istio.io/reroute-virtual-interfaces': 'b, a,b,',
    };
    deepEqual(read(written), {
      ok: true,
      value: { dns: true, inbound: false, virtualInterfaces: ['a', 'b'] },
    });
  });

  for (const name of ['ambient.istio.io/dns-capture', 'ambient.istio.io/bypass-inbound-capture'])
    it(`are refused where ${name} is neither true nor false`, () => {
      const options = read({ [name]: 'yes' });
      match(options.ok ? '' : options.error, /'true' or 'false', not 'yes'/);
    });

  for (const [written, isTaken] of [
    ['a'.repeat(14), true],
    ['a'.repeat(15), true],
    ['a'.repeat(16), false],
    ['eth0 -j ACCEPT', false],
    ['a"b', false],
    ['a\nb', false],
    [Array.from({ length: 31 }, (_, i) => `i${i}`).join(','), true],
    [Array.from({ length: 32 }, (_, i) => `i${i}`).join(','), true],
    [Array.from({ length: 33 }, (_, i) => `i${i}`).join(','), false],
  ] as const)
    it(`${isTaken ? 'take' : 'refuse'} interfaces ${JSON.stringify(written.slice(0, 30))} (${written.split(',').length})`, () =>
      equal(interfaces(written).ok, isTaken));
});
