import type { DescMethod } from '@bufbuild/protobuf';
import type { MethodDefinition } from '@grpc/grpc-js';
import { CodedError } from '@isthmus/mesh/process/coded-error.ts';
import type { Codec } from '../wire/binary.ts';

/**
 * A method of a .proto file for grpc-js, which hands our records to handlers and callers instead of generated
 * messages. What cannot be decoded ends the call: its peer speaks another language.
 */
export const method = <I, O>(
  description: DescMethod,
  request: Codec<I>,
  response: Codec<O>,
): MethodDefinition<I, O> => ({
  path: `/${description.parent.typeName}/${description.name}`,
  requestStream: description.methodKind === 'client_streaming' || description.methodKind === 'bidi_streaming',
  responseStream:
    description.methodKind === 'server_streaming' || description.methodKind === 'bidi_streaming',
  requestSerialize: serialize(request),
  requestDeserialize: deserialize(request),
  responseSerialize: serialize(response),
  responseDeserialize: deserialize(response),
});

/** A message that is not protobuf of its type, or that a decoder of api/wire refuses. */
export class BadMessage extends CodedError<'BAD_MESSAGE'> {}

const serialize =
  <T>(codec: Codec<T>) =>
  (value: T): Buffer => {
    const bytes = codec.encode(value);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };

const deserialize =
  <T>(codec: Codec<T>) =>
  (bytes: Buffer): T => {
    const decoded = codec.decode(bytes);
    if (decoded.ok) return decoded.value;
    throw new BadMessage('BAD_MESSAGE', decoded.error);
  };
