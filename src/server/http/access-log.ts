/**
 * One JSON line a request, and one for each fault of ours. A line holds the route's pattern, never the raw path or query, and no header,
 * token or secret; redaction is a second lock on a door that is already shut. What strangers can cause is bounded, so that they cannot
 * fill the disk.
 */
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { createLogDestination } from './log-destination.js';

/** What the server needs of a logger. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

export interface RequestLine {
  readonly requestId: string;
  readonly clientRequestId?: string | undefined;
  readonly method: string;
  /** Pattern of the route; `(none)` where there is none. */
  readonly route: string;
  readonly status: number;
  readonly ms: number;
  /** Who proved to be the caller; absent for strangers. */
  readonly client?: string | undefined;
  readonly address?: string | undefined;
}

/** Writes lines; each limit is for this log alone. */
export interface RequestLog {
  /**
   * The line of one request; a fault of ours stands out as a warning. What strangers obtain, which is health and discovery, is for
   * debugging; what they are refused is limited.
   */
  request(line: RequestLine): void;
  /** The line of what was refused before it became a request; limited. `method` where it could be read. */
  refused(requestId: string, status: number, address: string | undefined, method?: string): void;
  /**
   * What can be told of a fault: names, codes and places in the code, no message, which may quote what must not be seen. Limited where no
   * `client` is known.
   */
  fault(requestId: string, error: unknown, client?: string): void;
}

const standardError = 2;
/** Lines that strangers may cause in a window. */
const maxStrangerLines = 60;
const strangerWindowMs = 60_000;
const secretMembers = ['authorization', 'token', 'secret', 'key', 'password', 'cookie'];

/** A logger that writes JSON lines to `destination` (standard error when absent), times in RFC 3339. */
export function createLogger(level: string, destination?: DestinationStream): PinoLogger {
  const paths = [...secretMembers, ...secretMembers.map((member) => `*.${member}`)];
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths, censor: '[redacted]' } };
  return pino(options, destination ?? createLogDestination(standardError));
}

/** The log of requests on top of `logger`. */
export function createRequestLog(logger: Logger): RequestLog {
  const refusals = new LineLimit((suppressed) => logger.warn({ suppressed }, 'more requests were refused than are logged'));
  const faults = new LineLimit((suppressed) => logger.error({ suppressed }, 'more faults happened than are logged'));
  const request = (line: RequestLine): void => {
    const { requestId, clientRequestId, method, route, status, ms, client, address } = line;
    const fields = { request_id: requestId, client_request_id: clientRequestId, method, route, status, ms, client, address };
    if (client === undefined && status < 400) logger.debug(fields, 'request');
    else if (client === undefined && !refusals.admits()) return;
    else if (status >= 500) logger.warn(fields, 'request');
    else logger.info(fields, 'request');
  };
  return {
    request,
    refused: (requestId, status, address, method = '(none)') =>
      request({ requestId, method, route: '(refused)', status, ms: 0, address }),
    fault: (requestId, error, client) => {
      if (client === undefined && !faults.admits()) return;
      logger.error({ request_id: requestId, causes: describeCauses(error) }, 'fault');
    },
  };
}

/** Admits a number of lines in each window, and reports at its end how many more there were. */
class LineLimit {
  readonly #report: (suppressed: number) => void;
  #lines = 0;

  constructor(report: (suppressed: number) => void) {
    this.#report = report;
  }

  admits(): boolean {
    if (this.#lines === 0) setTimeout(() => this.#startOver(), strangerWindowMs).unref();
    this.#lines++;
    return this.#lines <= maxStrangerLines;
  }

  #startOver(): void {
    if (this.#lines > maxStrangerLines) this.#report(this.#lines - maxStrangerLines);
    this.#lines = 0;
  }
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
