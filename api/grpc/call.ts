import {
  Metadata,
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientWritableStream,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';

/** Headers of a call: names in lower case. */
export type Headers = Readonly<Record<string, string>>;

function metadataOf(headers: Headers): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

/** Opens a stream in both directions. */
export const openStream = <I, O>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: MethodDefinition<I, O>,
  headers: Headers = {},
  options: CallOptions = {},
): ClientDuplexStream<I, O> =>
  client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadataOf(headers), options);

/** Opens a stream to the server, which answers once, at its end: with an error, or without. */
export function openWriting<I, O>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: MethodDefinition<I, O>,
  headers: Headers,
  ended: (error: ServiceError | null) => void,
): ClientWritableStream<I> {
  const metadata = metadataOf(headers);
  return client.makeClientStreamRequest(path, requestSerialize, responseDeserialize, metadata, ended);
}

/** One question, one answer. Rejects with grpc-js's ServiceError, whose `code` is the gRPC status. */
export const callUnary = <I, O>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: MethodDefinition<I, O>,
  request: I,
  { headers = {}, deadline, signal }: { headers?: Headers; deadline?: Date; signal?: AbortSignal } = {},
): Promise<O> =>
  new Promise((resolve, reject) => {
    const options = deadline ? { deadline } : {};
    const call = client.makeUnaryRequest(
      ...([path, requestSerialize, responseDeserialize, request, metadataOf(headers), options] as const),
      (error, response) => {
        signal?.removeEventListener('abort', cancel);
        if (error) reject(error);
        else resolve(response as O);
      },
    );
    const cancel = () => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
  });
