/**
 * Work that is done together, once a turn of the event loop. Under load many requests arrive in one turn. To handle each alone is dearer: a write to
 * a connection wakes whoever waits at its other end, which is most of what the write costs, and who is awake need not be woken again; what must be
 * asked once for everything that has arrived, such as whether another process changed the store, is asked for all of them; and they share a commit.
 */

/** Items that one turn takes: the rest waits for the next, so that no turn keeps timers and connections waiting for long. */
const maxItems = 64;

/** Gives back what takes an item; `run`, which must not throw, gets it at the end of the turn, in order. */
export function onceATurn<Item>(run: (item: Item) => void): (item: Item) => void {
  const waiting: Item[] = [];
  const runWaiting = (): void => {
    const items = waiting.splice(0, maxItems);
    if (waiting.length > 0) setImmediate(runWaiting);
    for (const item of items) run(item);
  };
  return (item) => {
    if (waiting.length === 0) setImmediate(runWaiting);
    waiting.push(item);
  };
}
