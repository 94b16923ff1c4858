import { FakeApiServer } from '../../fakes/api-server/fake-api-server.ts';
import { contractKinds, itIsAnApiServer } from './api-server-contract.ts';

describe('the double of an API server', () => {
  const server = new FakeApiServer(contractKinds);
  itIsAnApiServer(() => server);
});
