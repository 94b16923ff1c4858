import assert from 'node:assert/strict';
import type { RemoteService } from '@isthmus/api/domain/directive.ts';
import type { GlobalProperties, OtherPort } from '@isthmus/api/domain/global-properties.ts';
import type { ServiceReport } from '@isthmus/api/domain/report.ts';
import * as link from '@isthmus/api/wire/link.ts';
import { aRemote } from '../../fakes/cluster.ts';
import { aService } from '../../fakes/agent.ts';
import { someProperties } from '../../fakes/global-properties.ts';

const dns: OtherPort = { name: 'dns', port: 53, protocol: 'UDP', appProtocol: 'dns' };
const all: GlobalProperties = {
  exportedAt: 1_790_000_000_000,
  headless: true,
  otherPorts: [dns],
  affinitySeconds: 86_400,
  internalTrafficPolicy: 'Local',
  trafficDistribution: 'PreferClose',
};
const report = (properties: GlobalProperties): ServiceReport => aService('cart', { properties });
const remote = (properties: GlobalProperties): RemoteService => aRemote({ name: 'cart', properties });

describe('global properties of a service, on the link', () => {
  for (const [name, properties] of Object.entries({
    'all of them': all,
    'none but defaults': someProperties(),
  }))
    it(`travel whole, up and down: ${name}`, () => {
      const [up, down] = [report(properties), remote(properties)];
      assert.deepEqual(link.serviceReport.decode(link.serviceReport.encode(up)), { ok: true, value: up });
      assert.deepEqual(link.remoteService.decode(link.remoteService.encode(down)), { ok: true, value: down });
    });

  it('are absent from what a peer says that does not know of them', () => {
    const [up, down] = [aService('cart'), aRemote({ name: 'cart' })];
    assert.deepEqual(link.serviceReport.decode(link.serviceReport.encode(up)), { ok: true, value: up });
    assert.deepEqual(link.remoteService.decode(link.remoteService.encode(down)), { ok: true, value: down });
  });

  const ports = (count: number) => Array.from({ length: count }, () => dns);
  const limits: Record<string, readonly [Partial<GlobalProperties>, RegExp | undefined]> = {
    'a second less than a day of session affinity': [{ affinitySeconds: 86_399 }, undefined],
    'a day of it': [{ affinitySeconds: 86_400 }, undefined],
    'a second more': [{ affinitySeconds: 86_401 }, /^properties\.affinity_seconds: 86401 is more than 86400/],
    '255 ports that the mesh does not carry': [{ otherPorts: ports(255) }, undefined],
    '256 of them': [{ otherPorts: ports(256) }, undefined],
    '257 of them': [{ otherPorts: ports(257) }, /^properties\.other_ports: 257 elements are more than 256/],
    'a port of a protocol that the mesh carries': [
      { otherPorts: [{ ...dns, protocol: 'TCP' as never }] },
      /^properties\.other_ports\[0\]\.protocol: 'TCP' is not one of UDP, SCTP/,
    ],
  };
  for (const [name, [over, problem]] of Object.entries(limits))
    it(`${problem ? 'refused' : 'taken'}: ${name}`, () => {
      for (const decoded of [
        link.serviceReport.decode(link.serviceReport.encode(report({ ...all, ...over }))),
        link.remoteService.decode(link.remoteService.encode(remote({ ...all, ...over }))),
      ]) {
        assert.equal(decoded.ok, problem === undefined);
        if (problem && !decoded.ok) assert.match(decoded.error, problem);
      }
    });
});
