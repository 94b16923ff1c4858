/**
 * A TCP port that is written as text: 1 to 65535 in decimal digits, with neither a sign nor a leading zero, as two texts
 * of one port would pass a comparison of texts. Undefined for anything else.
 */
export function readPort(text: string): number | undefined {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}
