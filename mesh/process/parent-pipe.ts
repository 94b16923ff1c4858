/** Calls back when the parent process is gone: it holds the other end of our standard input. */
export function onParentGone(run: () => void): void {
  process.stdin.on('end', run).on('error', run).on('close', run).resume();
}
