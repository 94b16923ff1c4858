import { deepEqual } from 'node:assert/strict';
import { permitted } from '@isthmus/api/kube/access.ts';
import { secrets } from '@isthmus/api/kube/resources.ts';
import { silentLog } from '@isthmus/mesh/process/log.ts';
import { hubAccess } from '../../federation/access.ts';
import { ServiceOutside } from '../../federation/outside/service-outside.ts';
import { AdminToken } from '../../federation/trust/admin-token.ts';
import { AdminTokenSecret } from '../../federation/trust/admin-token-secret.ts';
import { FakeApiServer } from '../fakes/api-server/fake-api-server.ts';
import { FakeClock } from '../fakes/clock.ts';
import { allowedCalls, noting } from '../fakes/made-calls.ts';
import { seededRandom } from '../fakes/random.ts';

const namespace = 'isthmus-system';
const services = { group: '', version: 'v1', kind: 'Service', plural: 'services', isNamespaced: true };

describe('the access of a hub', () => {
  it('is what it asks of the API as its chart installs it, and no more', async () => {
    const [clock, made, stop] = [new FakeClock(), new Set<string>(), new AbortController()];
    const api = new FakeApiServer([secrets, services]);
    const server = noting(permitted(api, hubAccess, namespace), made);
    const around = { clock, log: silentLog };
    const service = { namespace, name: 'isthmus-hub-link' };
    const secret = { namespace, name: 'isthmus-admin-token' };
    api.put(services, { metadata: service, spec: { type: 'LoadBalancer', ports: [] } });
    // Empty, as the chart makes it.
    api.put(secrets, { metadata: secret });
    const outside = new ServiceOutside({
      server,
      service,
      resolve: () => Promise.resolve([]),
      random: seededRandom(1),
      ...around,
    });
    const ended = outside.run(stop.signal);
    const token = new AdminToken('own-token-of-the-hub-with-32-characters');
    const kept = { token, isNew: false, store: () => Promise.resolve() };
    new AdminTokenSecret({ secret: { ...secret, server }, ...kept, ...around }).follow(stop.signal);
    await clock.advance(0);
    await clock.advance(1000);
    stop.abort();
    await ended;
    deepEqual([...made].sort(), [...allowedCalls(hubAccess)].sort());
  });
});
