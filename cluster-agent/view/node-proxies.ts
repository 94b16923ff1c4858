import type { PodObject } from '@isthmus/api/kubernetes/objects.ts';
import type { Change } from '../keys/change-set.ts';
import { byService, type NodeProxyAccounts } from './node-proxy.ts';
import { ofLive } from './pods.ts';

/** The ztunnels of each node, in the order of `byService`. */
export class NodeProxies {
  readonly #accounts: NodeProxyAccounts;
  readonly #byNode = new Map<string, readonly PodObject[]>();

  constructor(accounts: NodeProxyAccounts) {
    this.#accounts = accounts;
  }

  /** Whether the account is one of ztunnels that serve a whole node. */
  isOneOf(namespace: string, serviceAccount: string): boolean {
    return this.#accounts.has(`${namespace}/${serviceAccount}`);
  }

  /** Nodes whose ztunnels are others now. */
  update(change: Change<PodObject>): readonly string[] {
    const { before, after } = ofLive(change);
    const [was, is] = [before, after].map((pod) =>
      pod && this.isOneOf(pod.metadata.namespace, pod.serviceAccount) ? pod : undefined,
    );
    if (was) this.#replace(was.nodeName, was, undefined);
    if (is) this.#replace(is.nodeName, undefined, is);
    return [...new Set([was, is].flatMap((pod) => pod?.nodeName ?? []))];
  }

  of(node: string): readonly PodObject[] {
    return this.#byNode.get(node) ?? [];
  }

  #replace(node: string, gone: PodObject | undefined, came: PodObject | undefined): void {
    const rest = this.of(node).filter((pod) => pod !== gone);
    const now = came ? [...rest, came].sort(byService) : rest;
    if (now.length > 0) this.#byNode.set(node, now);
    else this.#byNode.delete(node);
  }
}
