import type { ServerResponse } from 'node:http';
import type { Plugin } from 'graphql-yoga';
import { apiError } from './pages.ts';

/** So many subscriptions at once, however their answers are asked for; each counts until its response has ended. */
export function subscriptionLimit(max: number): Plugin<{ response: ServerResponse }> {
  let open = 0;
  return {
    onSubscribe({ args }) {
      if (open >= max) throw apiError('TOO_MANY_SUBSCRIPTIONS', `${max} subscriptions are open: end some`);
      open++;
      args.contextValue.response.once('close', () => open--);
    },
  };
}
