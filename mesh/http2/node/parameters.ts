import type { IncomingHttpHeaders, Settings } from 'node:http2';
import type { Headers } from '../session.ts';

/** HTTP/2 parameters as Istio's ztunnel uses them; bytes. */
export const settings: Settings = {
  initialWindowSize: 4 * 1024 * 1024,
  maxFrameSize: 1024 * 1024,
  enablePush: false,
};
export const connectionWindow = 16 * 1024 * 1024;

/** Streams that a server lets a client open at once. */
export const serverStreams = 200;

/** Megabytes: windows of that many bytes may be in flight. */
export const sessionMemory = 64;

/** Headers without those of HTTP/2 itself, repeated ones joined. */
export function plainHeaders(headers: IncomingHttpHeaders): Headers {
  const fields = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(headers))
    if (!name.startsWith(':') && value !== undefined)
      fields[name] = Array.isArray(value) ? value.join(',') : value;
  return fields;
}
