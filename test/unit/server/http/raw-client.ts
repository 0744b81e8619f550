/** Bytes over a real socket, as a careless or hostile client would send them. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Opens a connection and collects what comes back until the server ends it. */
export function openRaw(port: number): { readonly socket: Socket; readonly received: Promise<string> } {
  const socket = connect({ host: '127.0.0.1', port });
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  const received = new Promise<string>((resolve) => {
    // What arrived before a reset counts too.
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
  });
  return { socket, received };
}

/** Sends `bytes` and reads until the server ends the connection. */
export async function sendRaw(port: number, bytes: string): Promise<readonly RawAnswer[]> {
  const { socket, received } = openRaw(port);
  socket.write(bytes, 'latin1');
  return parseAnswers(await received);
}

/** The answers in `text`, which all have a Content-Length. */
export function parseAnswers(text: string): readonly RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = text;
  while (rest.startsWith('HTTP/')) {
    const end = rest.indexOf('\r\n\r\n');
    const [statusLine = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const bodyEnd = end + 4 + Number(headers['content-length'] ?? 0);
    answers.push({ status: Number(statusLine.split(' ')[1]), headers, body: rest.slice(end + 4, bodyEnd) });
    rest = rest.slice(bodyEnd);
  }
  return answers;
}

/** A request with `lines` as headers, Host and a closing connection included. */
export function requestText(line: string, lines: readonly string[] = [], body = ''): string {
  return [`${line} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...lines, '', body].join('\r\n');
}
