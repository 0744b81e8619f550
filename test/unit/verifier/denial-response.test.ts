import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MacaroonError, type MacaroonErrorCode } from '../../../src/core/index.js';
import { denialProblems, refusalResponse } from '../../../src/verifier/denial-response.js';
import type { DenialCode } from '../../../src/verifier/index.js';

function read(path: string): string {
  return readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
}

/** Every code of the one union that errors have. */
const codes = [...read('src/core/errors.ts').matchAll(/^ {2}\| '(ERR_\w+)'/gm)].map(([, code]) => code as MacaroonErrorCode);

function isDenialCode(code: string): code is DenialCode {
  return Object.hasOwn(denialProblems, code);
}

/** What is answered for `code`, as the table writes it. */
function answerOf(code: MacaroonErrorCode): string {
  const { status, problem } = isDenialCode(code)
    ? refusalResponse({ kind: 'denial', denial: { ok: false, code, message: '' } }, 'r')
    : refusalResponse({ kind: 'error', error: new MacaroonError(code, '') }, 'r');
  return `${status} \`${problem.code}\``;
}

describe('the table of codes in docs/verifier.md', () => {
  const rows = [...read('docs/verifier.md').matchAll(/^\| `(ERR_\w+)` +\| ([^|]+?) +\| ([^|]+?) +\|$/gm)];

  it('has every code once, with the answer that is given', () => {
    expect(codes.length).toBeGreaterThan(50);
    const told = rows.map(([, code, , answer]) => `${code}: ${answer}`);
    expect(told.toSorted()).toEqual(codes.map((code) => `${code}: ${answerOf(code)}`).toSorted());
  });
});

describe('refusalResponse', () => {
  it('tells nothing of a token that is no good', () => {
    const message = 'canary';
    const bodies = codes
      .filter((code) => isDenialCode(code) && denialProblems[code] === 'invalid_token')
      .map((code) => refusalResponse({ kind: 'denial', denial: { ok: false, code: code as DenialCode, message } }, 'r'));
    expect(bodies.length).toBeGreaterThan(30);
    expect(new Set(bodies.map((response) => JSON.stringify(response))).size).toBe(1);
    expect(JSON.stringify(bodies[0])).not.toMatch(/canary|ERR_/);
  });

  it('tells which caveat failed and why', () => {
    const denial = { ok: false, code: 'ERR_CAVEAT_DENIED', message: 'ip: needs …', caveatIndex: 2, dischargeIndex: 0 } as const;
    const { status, headers, problem, body } = refusalResponse({ kind: 'denial', denial }, 'r');
    expect(status).toBe(403);
    expect(headers['www-authenticate']).toBe('Macaroon realm="r", error="caveat_denied"');
    expect(problem).toMatchObject({ code: 'caveat_denied', detail: 'ip: needs …', caveat_index: 2, discharge_index: 0 });
    expect(JSON.parse(body)).toEqual(problem);
  });

  it('names no token at all for what a caveat did not deny', () => {
    const denial = { ok: false, code: 'ERR_REQUEST_PATH', message: 'not canonical' } as const;
    expect(refusalResponse({ kind: 'denial', denial }, 'r').problem).not.toHaveProperty('caveat_index');
  });
});
