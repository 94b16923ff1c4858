import { call } from './call.ts';
import { serve } from './http-service.ts';

// With ?catalogue a cart looks its items up by the same path, so that a sidecar is a caller too.
serve(8082, async ({ url = '/' }) => {
  const { pathname, searchParams } = new URL(url, 'http://cart');
  return { items: searchParams.has('catalogue') ? (await call('catalogue', pathname)).body : ['tea'] };
});
