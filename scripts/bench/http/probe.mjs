/**
 * Loaded into every server before its own code (`--import`), so that the server itself is measured as it is: tells the parent process, when asked, the
 * CPU time, the delay of the event loop and the resident memory since it was last asked.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the loop is looked at; every delay that is recorded holds it. */
const resolutionMs = 2;

if (process.send !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  let before = process.cpuUsage();
  process.on('message', (message) => {
    if (message !== 'probe') return;
    const { user, system } = process.cpuUsage(before);
    const loopP99Ms = Math.max(0, delays.percentile(99) / 1e6 - resolutionMs);
    process.send({ cpuUs: user + system, loopP99Ms, residentBytes: process.memoryUsage.rss() });
    delays.reset();
    before = process.cpuUsage();
  });
  // No server outlives its bench.
  process.on('disconnect', () => process.exit(1));
  process.channel.unref();
}
