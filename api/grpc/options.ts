import type { ChannelOptions } from '@grpc/grpc-js';

const mebibyte = 1024 * 1024;

/**
 * Both ends ask whether the other is alive after 30 s of silence, and give up after 10 s more. Compression stays off,
 * and a channel keeps its own connection, so that closing it ends what it opened.
 */
export const channelOptions = (receiveMebibytes: number): ChannelOptions => ({
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.max_receive_message_length': receiveMebibytes * mebibyte,
  'grpc.max_send_message_length': -1,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
});

/** For a listener. Limits are those of a whole server: what needs others listens elsewhere. */
export const serverOptions = (receiveMebibytes: number): ChannelOptions => ({
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000,
  'grpc.max_receive_message_length': receiveMebibytes * mebibyte,
  'grpc.max_send_message_length': -1,
  'grpc.max_concurrent_streams': 100,
  'grpc.enable_channelz': 0,
});
