/**
 * `npm run bench:http`: the issuer as it is served, every write durable and audited, beside a server on the same stack that answers a body with itself, and
 * beside panva `oidc-provider`. One load at a time, its order shuffled anew each round; the servers run all the while.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { httpGoals } from './goals.mjs';
import { chosenOf, readOptions } from './options.mjs';
import { requirePeers } from './peers.mjs';
import { judgeHttp, table } from './report.mjs';
import { median, shuffled } from './slices.mjs';

const { json, only, rounds, seconds, connections } = readOptions({
  about: 'npm run bench:http -- [options]: the issuer as it is served, beside an echo and beside oidc-provider',
  meanings: {
    only: 'plain or tls alone',
    rounds: 'how many rounds are measured',
    seconds: 'how long each load lasts',
    connections: 'how many are kept alive at once',
  },
  whole: { rounds: 15, connections: 32 },
  positive: { seconds: 1 },
});
const chosen = chosenOf(only, ['plain', 'tls']);
const warmUpSeconds = 6;

requirePeers();
const { startLoad } = await import('./http/loads.mjs');
const { startContenders } = await import('./http/contenders.mjs');
const { writeCertificate } = await import('./http/certificate.mjs');

// In the project's folder, as the temporary folder of a machine may lie in memory, where nothing is durable.
const scratch = new URL('../../.tmp/', import.meta.url).pathname;
mkdirSync(scratch, { recursive: true });
const folder = mkdtempSync(join(scratch, 'bench-http-'));
const load = startLoad(folder);
const results = [];
try {
  for (const name of chosen) await measureAll(name === 'tls');
} finally {
  load.stop();
  rmSync(folder, { recursive: true, force: true });
}
if (json) console.log(JSON.stringify({ rows: results.map(rowOf) }));
else printAll();

async function measureAll(isTls) {
  const certificate = isTls ? await writeCertificate(folder) : undefined;
  console.error(`starting the servers, ${isTls ? 'with TLS' : 'without TLS'}`);
  const { ca, contenders, stop } = await startContenders(join(folder, isTls ? 'tls' : 'plain'), certificate);
  try {
    const all = contenders.map((contender) => ({ ...contender, ca, isTls, samples: [] }));
    // Servers run for days: what the engine compiles in their first seconds is not what they cost.
    for (const contender of all) await load.once(contender, { connections, seconds: warmUpSeconds });
    for (let round = 1; round <= rounds; round++) {
      console.error(`round ${round} of ${rounds}`);
      for (const contender of shuffled(all)) contender.samples.push(await load.once(contender, { connections, seconds }));
    }
    results.push(...all);
  } finally {
    await stop();
  }
}

function rowOf({ path, caveats, contender, isTls, samples }) {
  const of = (name) => median(samples.map((sample) => sample[name]));
  const [rps, cpuUs] = [of('rps'), of('cpuUs')];
  return {
    path,
    caveats,
    contender,
    tls: isTls,
    cpu_ns: Math.round(cpuUs * 1000),
    wall_ns: Math.round(1e9 / rps),
    rps: Math.round(rps),
    cpu_us: rounded(cpuUs),
    p50_ms: rounded(of('p50Ms')),
    p99_ms: rounded(of('p99Ms')),
    loop_p99_ms: rounded(of('loopP99Ms')),
  };
}

function rounded(value) {
  return Number(value.toFixed(2));
}

function printAll() {
  for (const isTls of [false, true]) {
    const rows = results.filter((result) => result.isTls === isTls).map(rowOf);
    if (rows.length === 0) continue;
    const title = `${isTls ? 'TLS 1.3' : 'plain HTTP'}, ${connections} connections`;
    const lines = rows.map((row) => [
      `${row.path}: ${row.contender}`,
      String(row.rps),
      ...[row.cpu_us, row.p50_ms, row.p99_ms, row.loop_p99_ms].map((value) => value.toFixed(2)),
    ]);
    console.log(`${table([[title, 'requests/s', 'CPU µs', 'p50 ms', 'p99 ms', 'loop p99 ms'], ...lines])}\n`);
  }
  const judged = judgeHttp(httpGoals, results).map(({ text, limit, measured, isReached }) => [
    text,
    limit,
    measured.toFixed(2),
    isReached ? 'reached' : 'MISSED',
  ]);
  console.log(table([['must reach', '', 'measured', ''], ...judged]));
}
