import { serve } from './http-service.ts';
import { put } from './store-client.ts';

// What stands behind the slash is what is stored.
serve(8083, async ({ url = '/' }) => ({ stored: await put(url.slice(1) || 'order') }));
