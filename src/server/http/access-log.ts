/**
 * One JSON line a request, and one for each fault of ours. A line holds the route's pattern, never the raw path or query, and no header,
 * token or secret; redaction is a second lock on a door that is already shut.
 */
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';

/** What the server needs of a logger. */
export type Logger = Pick<PinoLogger, 'info' | 'warn' | 'error'>;

export interface RequestLine {
  readonly requestId: string;
  readonly clientRequestId?: string | undefined;
  readonly method: string;
  /** Pattern of the route; `(none)` where there is none. */
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  readonly client?: string | undefined;
  readonly address?: string | undefined;
}

const secretMembers = ['authorization', 'token', 'secret', 'key', 'password', 'cookie'];

/** A logger that writes JSON lines to `destination` (standard error when absent), times in RFC 3339. */
export function createLogger(level: string, destination?: DestinationStream): PinoLogger {
  const paths = [...secretMembers, ...secretMembers.map((member) => `*.${member}`)];
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths, censor: '[redacted]' } };
  return pino(options, destination ?? pino.destination({ fd: 2, sync: true }));
}

/** Writes the line of one request; a fault of ours stands out as a warning. */
export function logRequest(logger: Logger, line: RequestLine): void {
  const { requestId, clientRequestId, method, route, status, ms, client, address } = line;
  const fields = { request_id: requestId, client_request_id: clientRequestId, method, route, status, ms, client, address };
  if (status >= 500) logger.warn(fields, 'request');
  else logger.info(fields, 'request');
}

/** Writes what can be told of a fault: names, codes and places in the code, no message, which may quote what must not be seen. */
export function logFault(logger: Logger, requestId: string, error: unknown): void {
  logger.error({ request_id: requestId, causes: describeCauses(error) }, 'fault');
}

interface CauseLine {
  readonly name: string;
  readonly code: string | undefined;
  readonly at: readonly string[];
}

const maxCauses = 4;
const maxFrames = 8;
const framePattern = /^ +at /;

function describeCauses(error: unknown): readonly CauseLine[] {
  const causes: CauseLine[] = [];
  let current = error;
  while (current instanceof Error && causes.length < maxCauses) {
    const code = 'code' in current && typeof current.code === 'string' ? current.code : undefined;
    const frames = (current.stack ?? '').split('\n').filter((line) => framePattern.test(line));
    causes.push({ name: current.name, code, at: frames.slice(0, maxFrames).map((line) => line.trim()) });
    current = current.cause;
  }
  return causes.length > 0 ? causes : [{ name: typeof error, code: undefined, at: [] }];
}
