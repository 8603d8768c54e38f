// The program under test: that of FICHA_TEST_BINARY, or one built here once.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import readline from 'node:readline'

const root = path.resolve(import.meta.dirname, '../..')

const scratch = mkdtempSync(path.join(tmpdir(), 'ficha-sdk-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))

// temporary makes a folder that goes with the process.
export function temporary() {
  return mkdtempSync(path.join(scratch, 'x-'))
}

let built

function binary() {
  if (process.env.FICHA_TEST_BINARY) return path.resolve(process.env.FICHA_TEST_BINARY)
  if (!built) {
    built = path.join(temporary(), 'ficha')
    execFileSync('go', ['build', '-o', built, './cmd/ficha'], { cwd: root })
  }
  return built
}

// serve runs the program, on the resources of the contracts' scripts unless
// others are named, with more variables if some are. It returns the base URL, and
// what stops it.
export async function serve(resources = path.join(root, 'test/contracts/testdata/house.yaml'), variables = {}) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FICHA_')))
  const server = spawn(binary(), ['serve', '--listen', '127.0.0.1:0', '--apply', resources], {
    env: { ...env, FICHA_DATA_DIR: temporary(), FICHA_LOG_LEVEL: 'warn', ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  server.stderr.on('data', (text) => (said += text))
  const ended = new Promise((resolve) => server.once('exit', resolve))
  const stop = () => {
    server.kill('SIGTERM')
    return ended
  }
  for await (const line of readline.createInterface({ input: server.stdout })) {
    const [, base] = /^Ficha is at (\S+)$/.exec(line) ?? []
    if (!base) continue
    const ready = await fetch(`${base}/readyz`)
    if (ready.status !== 200) throw new Error(`GET /readyz: ${ready.status}`)
    return { base, stop }
  }
  throw new Error(`the server ended before it said where it is: ${said}`)
}

// verify asks the server whether a request with these headers may pass.
export function verify(base, headers, query = '') {
  return fetch(`${base}/verify${query}`, { headers })
}
