import assert from 'node:assert/strict';
import { ApiFailure } from '@isthmus/api/kube/api-failure.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { resolveMillis } from '../../../federation/outside/resolved-names.ts';
import { ServiceOutside } from '../../../federation/outside/service-outside.ts';
import { FakeApiServer } from '../../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { seededRandom } from '../../fakes/random.ts';

const services = { group: '', version: 'v1', kind: 'Service', plural: 'services', isNamespaced: true };
const named = { namespace: 'isthmus-system', name: 'hub' };

function world() {
  const clock = new FakeClock();
  const server = new FakeApiServer([services]);
  const records = new Map<string, readonly string[]>();
  const stop = new AbortController();
  const outside = new ServiceOutside({
    server,
    service: named,
    resolve: (name) => Promise.resolve(records.get(name) ?? []),
    clock,
    random: seededRandom(1),
    log: silentLog,
  });
  let changes = 0;
  outside.onChange(() => changes++);
  const ended = outside.run(stop.signal);
  const put = (ingress: readonly object[], over: object = {}) =>
    server.put(services, {
      metadata: { ...named, ...over },
      spec: {
        type: 'LoadBalancer',
        ports: [
          { name: 'link', port: 15101 },
          { name: 'join', port: 15102 },
        ],
      },
      status: { loadBalancer: { ingress } },
    });
  const end = async () => {
    stop.abort();
    await ended;
  };
  const reasons = () => outside.problems().map(({ reason }) => reason);
  const links = () => (outside.current.ok ? outside.current.value.link : outside.current.error.message);
  return { clock, server, records, outside, put, end, reasons, links, changes: () => changes };
}

describe('a hub behind a Service', () => {
  it('is nowhere until its Service has an address, follows it, and is nowhere when the Service is gone', async () => {
    const { clock, server, outside, put, end, reasons, links } = world();
    assert.match(String(links()), /has not been read yet/);
    await clock.advance(0);
    assert.match(String(links()), /there is no Service isthmus-system\/hub/);
    assert.deepEqual(reasons(), ['HUB_ADDRESS_UNKNOWN']);
    put([]);
    await clock.advance(0);
    assert.match(String(links()), /has no address yet/);
    put([{ ip: '192.0.2.7' }, { ip: '2001:db8::7' }]);
    await clock.advance(0);
    assert.deepEqual(outside.current, {
      ok: true,
      value: {
        link: ['192.0.2.7:15101', '[2001:db8::7]:15101'],
        join: ['192.0.2.7:15102', '[2001:db8::7]:15102'],
        hosts: ['192.0.2.7', '2001:db8::7'],
        unresolved: [],
      },
    });
    assert.deepEqual(reasons(), []);
    put([{ ip: '192.0.2.8' }]);
    await clock.advance(0);
    assert.deepEqual(links(), ['192.0.2.8:15101']);
    server.delete(services, named.namespace, named.name);
    await clock.advance(0);
    assert.deepEqual(reasons(), ['HUB_ADDRESS_UNKNOWN']);
    await end();
    assert.equal(clock.pending, 0);
  });

  it('asks for that Service and for nothing else, and a change that moves nothing wakes nobody', async () => {
    const { clock, server, put, end, changes } = world();
    put([{ ip: '192.0.2.7' }]);
    server.put(services, { metadata: { namespace: named.namespace, name: 'other' }, spec: {}, status: {} });
    await clock.advance(0);
    const before = changes();
    put([{ ip: '192.0.2.7' }], { labels: { a: 'b' } });
    await clock.advance(0);
    assert.equal(changes(), before);
    for (const { of, query } of server.calls) {
      assert.equal(typeof of === 'object' && 'namespace' in of && of.namespace, named.namespace);
      assert.equal(query.fieldSelector, 'metadata.name=hub');
    }
    await end();
  });

  it('has a host name in its addresses as it is, and what it resolves to in its certificates', async () => {
    const { clock, records, outside, put, end, reasons } = world();
    put([{ hostname: 'hub.elb.example' }]);
    await clock.advance(0);
    const value = () => (outside.current.ok ? outside.current.value : undefined);
    assert.deepEqual(value()?.link, ['hub.elb.example:15101']);
    assert.deepEqual(value()?.unresolved, ['hub.elb.example']);
    assert.deepEqual(reasons(), ['HUB_ADDRESS_UNRESOLVED']);
    records.set('hub.elb.example', ['192.0.2.7']);
    await clock.advance(resolveMillis);
    assert.deepEqual(value()?.hosts, ['hub.elb.example', '192.0.2.7']);
    assert.deepEqual(reasons(), []);
    records.set('hub.elb.example', ['192.0.2.8']);
    await clock.advance(resolveMillis);
    assert.deepEqual(value()?.hosts, ['hub.elb.example', '192.0.2.8']);
    assert.deepEqual(value()?.link, ['hub.elb.example:15101']);
    await end();
  });

  it('stays where it was while the API server is away or refuses, and says so', async () => {
    const { clock, server, outside, put, end, reasons, links } = world();
    put([{ ip: '192.0.2.7' }]);
    await clock.advance(0);
    const forbidden = new ApiFailure('API_FORBIDDEN', 'services is forbidden', { status: 403 });
    server.before = () => forbidden;
    server.closeWatches(services);
    await clock.advance(60_000);
    assert.deepEqual(links(), ['192.0.2.7:15101']);
    assert.deepEqual(reasons(), ['HUB_SERVICE_UNREAD']);
    assert.match(outside.problems()[0]!.message, /: it goes on with what it read last$/);
    put([{ ip: '192.0.2.9' }]);
    server.before = () => undefined;
    await clock.advance(60_000);
    assert.deepEqual(links(), ['192.0.2.9:15101']);
    assert.deepEqual(reasons(), []);
    await end();
  });

  it('has not read its Service where it may not from its start on, and says both', async () => {
    const { clock, server, outside, end, reasons } = world();
    server.before = () => new ApiFailure('API_FORBIDDEN', 'services is forbidden', { status: 403 });
    await clock.advance(0);
    assert.deepEqual(reasons(), ['HUB_SERVICE_UNREAD', 'HUB_ADDRESS_UNKNOWN']);
    assert.match(outside.problems()[0]!.message, /forbidden\): it has not read it since it started$/);
    await end();
  });
});
