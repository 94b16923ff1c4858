import { status, type MethodDefinition, type ServerInterceptor, type ServiceDefinition } from '@grpc/grpc-js';
import { asIntercepted } from './as-intercepted.ts';

/** Stands for a request that cannot be decoded, until the interceptor has refused it. */
class Undecodable {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

/**
 * The same service, whose requests that cannot be decoded reach `refuseUndecodable` as values: grpc-js calls whatever a
 * decoder throws an INTERNAL error of the server, and keeps the reason to itself.
 */
export const withUndecodable = (service: ServiceDefinition): ServiceDefinition =>
  Object.fromEntries(Object.entries(service).map(([name, method]) => [name, tolerant(method)]));

function tolerant(method: MethodDefinition<unknown, unknown>): MethodDefinition<unknown, unknown> {
  const requestDeserialize = (bytes: Buffer): unknown => {
    try {
      return method.requestDeserialize(bytes);
    } catch (error) {
      return new Undecodable(error instanceof Error ? error.message : String(error));
    }
  };
  return { ...method, requestDeserialize };
}

/**
 * Ends a call whose request cannot be decoded with INVALID_ARGUMENT and the reason. No handler sees the request, nor
 * anything that comes after it.
 */
export const refuseUndecodable: ServerInterceptor = (_method, call) => {
  let isRefused = false;
  const start = call.start.bind(call);
  call.start = (listener) =>
    start({
      onReceiveMetadata: (metadata) => listener.onReceiveMetadata(metadata),
      onReceiveMessage(message: unknown) {
        if (isRefused) return;
        isRefused = message instanceof Undecodable;
        if (message instanceof Undecodable)
          call.sendStatus({
            code: status.INVALID_ARGUMENT,
            details: `the request is refused: ${message.why}`,
          });
        else listener.onReceiveMessage(message);
      },
      onReceiveHalfClose() {
        if (!isRefused) listener.onReceiveHalfClose();
      },
      onCancel: () => listener.onCancel(),
    });
  return asIntercepted(call);
};
