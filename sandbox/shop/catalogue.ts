import { serve } from './http-service.ts';

serve(8081, () => ({ items: ['tea', 'bread', 'lamp'] }));
