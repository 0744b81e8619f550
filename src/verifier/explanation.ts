/** Steps of a verification as text for a person: one line a step, ✓ or ✗, and the result below. */
import type { ExplainedStep, Explanation, VerifyResult } from './result.js';

/** The explanation of `result` by `steps`, frozen, with its printable text. */
export function explanationOf(result: VerifyResult, steps: readonly ExplainedStep[]): Explanation {
  const frozen = Object.freeze(steps.map((step) => Object.freeze(step)));
  const lines = frozen.map((step) => `${step.holds ? '✓' : '✗'} ${step.text}`);
  lines.push(result.ok ? 'allowed' : `denied: ${result.code}`);
  return Object.freeze({ result, steps: frozen, text: lines.join('\n') });
}

/** A step that is about a caveat, wherever it was checked. */
export function caveatStep(caveat: {
  readonly holds: boolean;
  readonly condition: string;
  readonly message: string;
  readonly caveatIndex: number;
  readonly dischargeIndex?: number | undefined;
}): ExplainedStep {
  const { holds, condition, message, caveatIndex, dischargeIndex } = caveat;
  const where = dischargeIndex === undefined ? `caveat ${caveatIndex}` : `caveat ${caveatIndex} of discharge ${dischargeIndex}`;
  const step = { holds, text: `${where}: ${condition} (${message})`, condition, message, caveatIndex };
  return dischargeIndex === undefined ? step : { ...step, dischargeIndex };
}
