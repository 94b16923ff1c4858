import type { ServerResponse } from 'node:http';
import type { Plugin } from 'graphql-yoga';
import { apiError } from './pages.ts';

/** So many subscriptions at once, however their answers are asked for; each counts until its response has ended. */
export function subscriptionLimit(most: number): Plugin<{ response: ServerResponse }> {
  let open = 0;
  return {
    onSubscribe({ args }) {
      if (open >= most) throw apiError('TOO_MANY_SUBSCRIPTIONS', `${most} subscriptions are open: end some`);
      open++;
      args.contextValue.response.once('close', () => open--);
    },
  };
}
