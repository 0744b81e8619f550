/**
 * `npm run bench`: the benches on the built package. Ratios come first, as they hold on a busy machine: how many times the CPU time of
 * the contender at 1.00. `--json` prints the figures as JSON; `--rounds N` (41) sets how many rounds are measured.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchVerify } from './verify.mjs';

const { values } = parseArgs({ options: { json: { type: 'boolean' }, rounds: { type: 'string', default: '41' } } });
const results = await benchVerify(Number(values.rounds));

if (values.json) {
  console.log(JSON.stringify({ node: process.version, cpu: cpus()[0]?.model, results }, null, 2));
} else {
  for (const [operation, contenders] of Object.entries(results)) {
    console.log(operation);
    for (const [name, { ratio, nsPerOp }] of Object.entries(contenders)) {
      const [times, microseconds] = [ratio.toFixed(2), (nsPerOp / 1000).toFixed(1)];
      console.log(`  ${times.padStart(6)} ×  ${name.padEnd(24)} ${microseconds.padStart(7)} µs CPU`);
    }
  }
}
