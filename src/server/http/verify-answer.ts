/**
 * The text of an answer to `POST /v1/verify`: what `JSON.stringify` makes of it, in a third of the time. Most of it are caveats that hold, in words that
 * come again and again, so those are kept as JSON, each in a place that its characters tell: two of one place take turns, and one that comes once is soon
 * forgotten.
 */
import type { VerifyResponse, WireCaveat } from '../../protocol/wire.js';
import { listOf, quoted } from './json-text.js';

/** Places; a power of two. */
const places = 256;

interface Kept {
  readonly condition: string;
  readonly message: string;
  readonly index: number;
  readonly json: string;
}

/** Caveats that hold. */
const kept: (Kept | undefined)[] = Array.from({ length: places }, () => undefined);

/** `answer` as JSON. */
export function verifyAnswerText(answer: VerifyResponse): string {
  if (!answer.authorized) return JSON.stringify(answer);
  const { client, token_id, root_key_id, audience, auth_methods, actions, issued_at, expires_at, caveats, answer_key } = answer;
  const facts = `"client":${quoted(client)},"token_id":${quoted(token_id)},"root_key_id":${quoted(root_key_id)},"audience":${quoted(audience)}`;
  const powers = `"auth_methods":${listOf(auth_methods, quoted)},"actions":${listOf(actions, quoted)}`;
  const times = `"issued_at":${quoted(issued_at)},"expires_at":${quoted(expires_at)}`;
  const end = answer_key === undefined ? '' : `,"answer_key":${quoted(answer_key)}`;
  return `{"authorized":true,${facts},${powers},${times},"caveats":${listOf(caveats, caveatText)}${end}}`;
}

function caveatText(caveat: WireCaveat): string {
  const { condition, holds, message, caveat_index: index, discharge_index: dischargeIndex } = caveat;
  if (!holds || dischargeIndex !== undefined) return JSON.stringify(caveat);
  const place = placeOf(condition, index);
  const known = kept[place];
  if (known?.condition === condition && known.message === message && known.index === index) return known.json;
  const json = JSON.stringify(caveat);
  kept[place] = { condition, message, index, json };
  return json;
}

function placeOf(condition: string, index: number): number {
  const { length } = condition;
  return (index * 67 + length * 31 + condition.charCodeAt(length >> 1) * 7 + condition.charCodeAt(length - 1)) & (places - 1);
}
