/** What a bench that is interrupted leaves behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const loads = new URL('../../../scripts/bench/http/loads.mjs', import.meta.url).href;

describe('a bench that is interrupted', () => {
  it('has its folder removed by the process that sends the load', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bench-'));
    writeFileSync(join(folder, 'macaroond.db'), 'what a server wrote');
    const script = join(folder, 'bench.mjs');
    writeFileSync(script, `import { startLoad } from '${loads}'; startLoad('${folder}'); console.log('started');`);
    const bench = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(bench.stdout, 'data');
    bench.kill('SIGKILL');
    await expect.poll(() => existsSync(folder), { timeout: 10_000 }).toBe(false);
  });
});
