/**
 * Where log lines go. A full disk, a closed pipe or a reader that hangs must not end the issuer, nor grow its memory: what cannot be
 * written waits, up to a limit; beyond that lines are dropped, and counted once writing works again.
 */
import { writeSync } from 'node:fs';
import type { DestinationStream } from 'pino';

const maxWaitingBytes = 64 * 1024;
const warningLevel = 40;

/** Writes lines to `fd` at once, and never throws. */
export function createLogDestination(fd: number): DestinationStream {
  let waiting = Buffer.alloc(0);
  let dropped = 0;
  const flush = (): void => {
    try {
      // A write may take a part; the rest stays in front, so that no line is torn.
      while (waiting.length > 0) waiting = waiting.subarray(writeSync(fd, waiting));
    } catch {
      // Tried again with the next line.
    }
  };
  const add = (line: string): void => {
    const bytes = Buffer.from(line);
    if (waiting.length + bytes.length > maxWaitingBytes) dropped++;
    else waiting = Buffer.concat([waiting, bytes]);
  };
  return {
    write(line) {
      flush();
      if (dropped > 0 && waiting.length === 0) {
        add(droppedLine(dropped));
        dropped = 0;
      }
      add(line);
      flush();
    },
  };
}

function droppedLine(dropped: number): string {
  const time = new Date().toISOString();
  return `${JSON.stringify({ level: warningLevel, time, dropped, msg: 'lines could not be written' })}\n`;
}
