/**
 * What a signed answer says about a sealed request. A verifier refuses each copy of a request for itself: one that was altered, delayed or brought a
 * second time is refused truly, while another copy may have been carried out.
 */
import type { PlainAnswer } from '../protocol/answer-signer.js';
import { problemMediaType } from '../protocol/problem.js';

/** Statuses by which a request is refused before anybody handles it, or while it is. */
const refusalStatuses: ReadonlySet<number> = new Set([400, 401, 403, 408, 413, 429, 431]);

/** Problems that another copy of the same request need not have. */
const anotherMayDo: ReadonlySet<string> = new Set(['request_stale', 'request_repeated', 'caveat_denied']);

/** Whether `answer` tells what became of the request: whoever handled it made it, so no other copy was accepted. */
export function isFinal({ status }: PlainAnswer): boolean {
  return status < 500 && !refusalStatuses.has(status);
}

/** Whether a newly sealed request may get another answer. A refused HEAD has no body to tell, so its status does. */
export function asksForAnother(answer: PlainAnswer, method: string): boolean {
  if (method === 'HEAD') return answer.status === 401 || answer.status === 403;
  return anotherMayDo.has(problemOf(answer) ?? '');
}

/** Whether the request was refused for its time of sending; a HEAD may have been. */
export function isStale(answer: PlainAnswer, method: string): boolean {
  if (method === 'HEAD') return answer.status === 401;
  return problemOf(answer) === 'request_stale';
}

function problemOf({ status, headers, body }: PlainAnswer): string | undefined {
  if (status < 400 || headers['content-type'] !== problemMediaType) return undefined;
  try {
    const problem: unknown = JSON.parse(new TextDecoder().decode(body));
    return typeof problem === 'object' && problem !== null && 'code' in problem ? String(problem.code) : undefined;
  } catch {
    return undefined;
  }
}
