/**
 * Frees a buffer without waiting for the garbage collector. The next program may need as much memory, and predictions count only
 * one. Transferring the buffer to a closed channel detaches it; all views of it are empty afterwards.
 */
export function discard(buffer: ArrayBuffer): void {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(null, [buffer]);
  port1.close();
}
