import type { ApiServer } from '@isthmus/api/kube/api-server.ts';
import { pods } from './access.ts';

/** Whether pods of agents are in their namespace: one that still runs would write again what is removed. */
export async function agentsRun(server: ApiServer, namespace: string): Promise<boolean> {
  const selector = { labelSelector: 'app.kubernetes.io/name=isthmus-agent', limit: '1' };
  const { items } = await server.list({ ...pods, namespace }, selector);
  return items.length > 0;
}
