import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';

/**
 * Drops what a handler writes to a call whose status was sent by grpc-js itself: for a request that is too large or
 * cannot be decoded, or a deadline. grpc-js would write after the end of the stream, which then never closes, and the
 * caller would wait for a status for ever. To be the first interceptor, as it must see every status.
 */
export const lastWord: ServerInterceptor = (_method, call) => {
  let over = false;
  const sendStatus = call.sendStatus.bind(call);
  call.sendStatus = (status) => {
    if (over) return;
    over = true;
    sendStatus(status);
  };
  return new ServerInterceptingCall(call, {
    sendMetadata: (metadata, next) => {
      if (!over) next(metadata);
    },
    sendMessage: (message, next) => {
      if (!over) next(message);
    },
  });
};
