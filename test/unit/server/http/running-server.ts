/** The application on a real socket. */
import { randomBytes } from 'node:crypto';
import { createLogger } from '../../../../src/server/http/access-log.js';
import { createHttpServer, type HttpServer, type HttpServerOptions } from '../../../../src/server/http/http-server.js';
import { nowMs } from './fake-issuer.js';
import { createTestApp, type TestApp } from './test-app.js';

export interface RunningServer extends TestApp {
  readonly port: number;
  readonly http: HttpServer;
  /** Lines of the server's own log. */
  readonly serverLines: string[];
  stop(): Promise<void>;
}

export async function startTestServer(options: Partial<HttpServerOptions> = {}): Promise<RunningServer> {
  const testApp = createTestApp();
  const serverLines: string[] = [];
  const http = createHttpServer({
    app: testApp.app,
    clock: () => nowMs,
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    logger: createLogger('info', { write: (line) => serverLines.push(line) }),
    ...options,
  });
  const { port } = await http.listen({ host: '127.0.0.1', port: 0 });
  const stop = async (): Promise<void> => {
    http.server.closeAllConnections();
    await http.drain(100);
  };
  return { ...testApp, port, http, serverLines, stop };
}
