import { call } from './call.ts';
import { serve } from './http-service.ts';

// With ?catalogue a cart looks its items up by the same path, so that a sidecar is a caller too.
serve(8082, async ({ url = '/' }) => {
  const [path = '/', query = ''] = url.split('?');
  const asked = new URLSearchParams(query).has('catalogue');
  return { items: asked ? (await call('catalogue', path)).body : ['tea'] };
});
