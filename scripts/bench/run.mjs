/** `npm run bench`: the functions of the library beside those of other libraries, in one process. Ratios come first, as they hold on a busy machine. */
import { spawnSync } from 'node:child_process';
import { goals } from './goals.mjs';
import { chosenOf, readOptions } from './options.mjs';
import { requirePeers } from './peers.mjs';
import { judge, rowOf, table } from './report.mjs';
import { measure, medianRatio } from './slices.mjs';

const { json, only, rounds } = readOptions({
  about: 'npm run bench -- [options]: the functions of the library beside those of other libraries',
  meanings: { only: 'these paths alone, with commas, e.g. verify-fresh,mint', rounds: 'how many rounds are measured' },
  whole: { rounds: 31 },
});

// One of the peers greets there.
console.log = console.error;
const print = (text) => process.stdout.write(`${text}\n`);

requirePeers();
const { paths, testEveryone } = await import('./library/paths.mjs');
const chosen = chosenOf(only, Object.keys(paths));

await testEveryone();
const results = [];
for (const path of chosen) {
  const { caveats, contenders } = paths[path];
  for (const count of caveats) {
    console.error(`measuring ${path}, ${count} caveats`);
    results.push({ path, caveats: count, samples: await measure(await contenders(count), rounds) });
  }
}
for (const result of results) {
  const { late } = paths[result.path];
  if (late === undefined) continue;
  console.error(`measuring ${result.path}, ${result.caveats} caveats: who comes late`);
  const { macaroond: again, ...samples } = await measure(await late(result.caveats), rounds);
  result.late = { again, samples };
}

if (json) {
  const rows = results.flatMap(({ path, caveats, samples, late }) =>
    Object.entries({ ...samples, ...late?.samples }).map(([contender, figures]) => rowOf(path, caveats, contender, figures)),
  );
  print(JSON.stringify({ rows }));
} else {
  for (const result of results) printTable(result);
  printGoals();
  if (chosen.includes('verify-fresh')) printGarbage();
}

function printTable({ path, caveats, samples, late }) {
  const linesOf = (some, macaroond) =>
    Object.entries(some).map(([contender, figures]) => {
      const row = rowOf(path, caveats, contender, figures);
      const ratio = medianRatio(figures.cpuNs, macaroond.cpuNs);
      return [contender, `${ratio.toFixed(2)} ×`, micro(row.cpu_ns), micro(row.wall_ns)];
    });
  const lines = [...linesOf(samples, samples.macaroond), ...(late === undefined ? [] : linesOf(late.samples, late.again))];
  print(`${table([[`${path}, ${caveats} caveats`, 'CPU to macaroond', 'CPU µs', 'wall µs'], ...lines])}\n`);
}

function printGoals() {
  const lines = judge(goals, results).map(({ path, caveats, slow, fast, atLeast, ratio, isReached }) => [
    `${path}, ${caveats} caveats: ${slow} to ${fast}`,
    `≥ ${atLeast}`,
    ratio.toFixed(2),
    isReached ? 'reached' : 'MISSED',
  ]);
  if (lines.length > 0) print(`${table([['must reach', '×', 'measured', ''], ...lines])}\n`);
}

/** In a process of its own, whose heap is set up so that nothing is collected while it is counted. */
function printGarbage() {
  const script = new URL('./garbage.mjs', import.meta.url).pathname;
  spawnSync(process.execPath, ['--expose-gc', '--max-semi-space-size=256', script], { stdio: 'inherit' });
}

function micro(nanoseconds) {
  return (nanoseconds / 1000).toFixed(2);
}
