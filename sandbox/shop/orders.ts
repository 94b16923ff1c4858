import { serve } from './http-service.ts';
import { put } from './store-client.ts';

serve(8083, async () => ({ stored: await put('order') }));
