/**
 * Gives memory back at once. The garbage collector would do it at its leisure, and the next program may be as large: two at a
 * time is more than a worker is planned to take. Sent into a closed channel, the buffer is detached here and freed there; every
 * view of it has no elements afterwards.
 */
export function discard(buffer: ArrayBuffer): void {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(null, [buffer]);
  port1.close();
}
