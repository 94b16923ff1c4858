import { call } from './call.ts';
import { serve } from './http-service.ts';

// With ?catalogue a cart looks its items up, so that a sidecar is a caller too.
serve(8082, async (request) =>
  request.url?.includes('catalogue') ? { items: (await call('catalogue', '/')).body } : { items: ['tea'] },
);
