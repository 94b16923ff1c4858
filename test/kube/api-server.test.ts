import { itIsAnApiServer } from '../api/kube/api-server-contract.ts';
import { withApiServer } from './start-api-server.ts';

withApiServer('a real API server, through the client', (started) => {
  itIsAnApiServer(() => started().client().server);
});
