import type { ServerInterceptingCall, ServerInterceptingCallInterface } from '@grpc/grpc-js';

/**
 * A call whose own methods an interceptor has replaced. grpc-js says that an interceptor gives its class, and uses no
 * more of that than the interface, as which it passes its own call to the first of them.
 */
export const asIntercepted = (call: ServerInterceptingCallInterface): ServerInterceptingCall =>
  call as unknown as ServerInterceptingCall;
