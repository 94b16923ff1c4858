import { eastWestClass, eastWestController } from '@isthmus/api/kubernetes/gateway.ts';
import type { GatewayClassObject, GatewayObject } from '@isthmus/api/kubernetes/objects.ts';
import { rootNamespace } from '@isthmus/api/kubernetes/root-namespace.ts';
import type { Change } from '../keys/change-set.ts';

/**
 * Gateways of the Gateway API that describe this cluster's east-west gateways: those of the system namespace that name
 * their network. There are few of them, so they are looked through.
 */
export class EastWestGateways {
  /** By name: all that may be east-west gateways, whatever their class. */
  readonly #gateways = new Map<string, GatewayObject>();
  /** Class to its controller. */
  readonly #controllers = new Map<string, string>();

  update({ before, after }: Change<GatewayObject>): void {
    const some = after ?? before;
    if (!some) return;
    if (after && isComplete(after)) this.#gateways.set(nameOf(after), after);
    else this.#gateways.delete(nameOf(some));
  }

  updateClass({ before, after }: Change<GatewayClassObject>): void {
    if (after) this.#controllers.set(after.metadata.name, after.controllerName);
    else if (before) this.#controllers.delete(before.metadata.name);
  }

  *used(): Iterable<GatewayObject> {
    for (const gateway of this.#gateways.values()) if (this.#isEastWest(gateway)) yield gateway;
  }

  /** A class without a GatewayClass is what its name says. */
  #isEastWest({ className }: GatewayObject): boolean {
    const controller = this.#controllers.get(className);
    return controller === undefined ? className === eastWestClass : controller === eastWestController;
  }
}

const nameOf = ({ metadata }: GatewayObject): string => `${metadata.namespace}/${metadata.name}`;

const isComplete = ({ metadata, network, hbonePort, passthroughPort }: GatewayObject): boolean =>
  metadata.namespace === rootNamespace && network !== '' && hbonePort + passthroughPort > 0;
