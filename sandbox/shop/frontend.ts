import { call } from './call.ts';
import { serve } from './http-service.ts';
import { put } from './store-client.ts';

// `/` asks every service once; `/<service>/...` asks that one alone, for what stands behind its name.
serve(8080, async (request) => {
  const [, service = '', rest = ''] = /^\/([a-z]*)(.*)$/.exec(request.url ?? '/') ?? [];
  if (service === '') return everything();
  if (service === 'store') return { store: await put(rest.slice(1) || 'visit') };
  const answer = await call(service, rest === '' ? '/' : rest);
  if (answer.status !== 200)
    throw new Error(`${service} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return { [service]: answer.body };
});

async function everything(): Promise<object> {
  const [catalogue, cart, orders, store] = await Promise.all([
    call('catalogue', '/'),
    call('cart', '/?catalogue'),
    call('orders', '/'),
    put('visit'),
  ]);
  const bad = Object.entries({ catalogue, cart, orders }).filter(([, answer]) => answer.status !== 200);
  if (bad.length > 0)
    throw new Error(bad.map(([name, { body }]) => `${name}: ${JSON.stringify(body)}`).join('; '));
  return { catalogue: catalogue.body, cart: cart.body, orders: orders.body, store };
}
