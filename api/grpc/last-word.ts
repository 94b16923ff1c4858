import type { ServerInterceptor } from '@grpc/grpc-js';
import { asIntercepted } from './as-intercepted.ts';

/**
 * Drops what a handler writes to a call whose status was sent by grpc-js itself: for a request that is too large or
 * cannot be decoded, or a deadline. grpc-js would write after the end of the stream, which then never closes, and the
 * caller would wait for a status for ever. To be the first interceptor, as it must see every status. It puts itself in
 * front of the call's own methods: a call of grpc-js around the call would cost closures for each message.
 */
export const lastWord: ServerInterceptor = (_method, call) => {
  let over = false;
  const [sendStatus, sendMetadata, sendMessage] = [
    call.sendStatus.bind(call),
    call.sendMetadata.bind(call),
    call.sendMessage.bind(call),
  ];
  call.sendStatus = (status) => {
    if (over) return;
    over = true;
    sendStatus(status);
  };
  call.sendMetadata = (metadata) => {
    if (!over) sendMetadata(metadata);
  };
  call.sendMessage = (message, callback) => {
    if (!over) sendMessage(message, callback);
  };
  return asIntercepted(call);
};
