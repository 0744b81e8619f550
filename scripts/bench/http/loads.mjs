/** Loads on servers: sent from a process of their own, and what each cost the server. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Starts the process that sends, and removes `folder` when this process ends without having called `stop`, which ends it. */
export function startLoad(folder) {
  const child = fork(new URL('load.mjs', import.meta.url).pathname, [folder]);
  /** By the requests of a load, which it was given once, their number there, and which of them comes next: what was sent lately would not be new any more. */
  const loads = new Map();

  /** Loads `server` for `seconds`; the figures are per request, but for `rps`, `loopP99Ms` and `residentBytes`. */
  const loadOnce = async ({ path, contender, server, ca, requests, status }, { connections, seconds }) => {
    if (!loads.has(requests)) {
      loads.set(requests, { number: loads.size, first: 0 });
      child.send({ requests });
    }
    const load = loads.get(requests);
    child.send({ port: server.port, ca, ...load, status, connections, durationMs: seconds * 1000 });
    await answer(`${path} of ${contender}`);
    await server.probe();
    child.send('go');
    const { next, count, wallMs, p50Ms, p99Ms } = await answer(`${path} of ${contender}`);
    load.first = next;
    const { cpuUs, loopP99Ms, residentBytes } = await server.probe();
    return { rps: (count * 1000) / wallMs, cpuUs: cpuUs / count, p50Ms, p99Ms, loopP99Ms, residentBytes };
  };

  const answer = async (what) => {
    const [message] = await once(child, 'message');
    if (message.error !== undefined) throw new Error(`${what}: ${message.error}`);
    return message;
  };

  return { once: loadOnce, stop: () => child.kill() };
}
