// The programs that the documents print, cut out of the text and run as they
// stand, but for the host.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'

import { serve, temporary, verify } from './server.js'

const run = promisify(execFile)
const [becms, fanbase, chronos] = ['000_19353ff68009aaac', '001_1af5b0d1e8406d14', '002_56f615d72962d4af'].map((name) =>
  readFileSync(path.join(import.meta.dirname, '../../testdata/seeds', `${name}.txt`), 'utf8'),
)

// cut returns the text from the line that is first to the one that is last.
function cut(text, first, last) {
  const lines = text.split('\n')
  const from = lines.indexOf(first)
  const to = lines.indexOf(last, from)
  assert.ok(from >= 0 && to > from, `the document has nothing from ${first} to ${last}`)
  return `${lines.slice(from, to + 1).join('\n')}\n`
}

// file writes a program beside the packages that it imports.
function file(name, text) {
  const folder = temporary()
  symlinkSync(path.join(import.meta.dirname, 'node_modules'), path.join(folder, 'node_modules'))
  const at = path.join(folder, name)
  writeFileSync(at, text)
  return at
}

describe('the documents', () => {
  let base, stop
  before(async () => {
    ;({ base, stop } = await serve())
  })
  after(() => stop())

  describe('Be CMS', () => {
    const right = { ...process.env, BE_WORKSPACE_ID: 'editorial', BE_CLIENT_SECRET: 'be-client-secret' }
    const wrong = { ...right, BE_CLIENT_SECRET: 'wrong' }
    const here = (program) => program.replaceAll('https://cms.begraffic.com', base)
    const javascript = () => file('program.mjs', here(cut(becms, "import fetch from 'node-fetch'", 'generateToken().then(console.log).catch(console.error)')))
    const python = () => file('program.py', here(cut(becms, 'import os', "    print('Token listo:', token)")))
    const interpreter = process.env.FICHA_TEST_PYTHON || 'python3'

    test('the JavaScript gets a token with the scopes that it asks for', async () => {
      const { stdout } = await run(process.execPath, [javascript()], { env: right })
      const passed = await verify(base, { Authorization: `Bearer ${stdout.trim()}` }, '?workspace=editorial')
      assert.equal(passed.status, 200)
      assert.equal(passed.headers.get('x-auth-scopes'), 'content:write catalog:read')
    })

    test('the JavaScript says that there is no token with a wrong secret', async () => {
      const { stdout, stderr } = await run(process.execPath, [javascript()], { env: wrong })
      assert.equal(stdout, '')
      assert.match(stderr, /No se pudo generar el token/)
    })

    test('the Python gets a token with the scopes that it asks for', async () => {
      const { stdout } = await run(interpreter, [python()], { env: right })
      const [, secret] = /^Token listo: (\S+)\n$/.exec(stdout)
      const passed = await verify(base, { Authorization: `Bearer ${secret}` }, '?workspace=editorial')
      assert.equal(passed.status, 200)
      assert.equal(passed.headers.get('x-auth-scopes'), 'users:read events:write')
    })

    test('the Python raises with a wrong secret', async () => {
      await assert.rejects(run(interpreter, [python()], { env: wrong }), /HTTPError: 401/)
    })
  })

  describe('Fanbase', () => {
    const obtenerToken = async (...credentials) => {
      const printed = cut(fanbase, 'async function obtenerToken(clientId, clientSecret) {', '}').replaceAll('{security-producao}', base)
      const program = await import(file('program.mjs', `export ${printed}`))
      return program.obtenerToken(...credentials)
    }

    test('obtenerToken gets a token that the header AccessToken carries', async () => {
      const secret = await obtenerToken('su_client_id', 'su_client_secret')
      const passed = await verify(base, { AccessToken: secret }, '?workspace=stadium')
      assert.equal(passed.status, 200)
      assert.equal(passed.headers.get('x-auth-client'), 'su_client_id')
    })

    test('obtenerToken says what went wrong', async () => {
      await assert.rejects(obtenerToken('su_client_id', 'wrong'), { message: 'Error 401: Unauthorized' })
      await assert.rejects(obtenerToken('', 'su_client_secret'), { message: 'Error 400: Bad Request' })
    })
  })

  describe('Chronos', () => {
    // curl returns what the printed command prints, and the status.
    const curl = async (change = (command) => command) => {
      const printed = cut(chronos, 'curl -X POST https://apisandbox.eonwms.com/token/generate \\', "}'")
      const command = change(printed.replaceAll('https://apisandbox.eonwms.com', base))
      const { stdout } = await run('sh', ['-c', `${command.trimEnd()} --silent --write-out '\\n%{http_code}'`])
      const [body, status] = stdout.split(/\n(?=\d+$)/)
      return { status: Number(status), answer: JSON.parse(body) }
    }

    test('the curl hears the fault of the document: its password has no client token', async () => {
      const [, fault] = /401No autorizado[^{]*(\{.*?\n\}\n\})/s.exec(chronos)
      assert.deepEqual(await curl(), { status: 401, answer: JSON.parse(fault) })
    })

    test('the curl gets a token when the password is as the document says', async () => {
      const [, clientToken] = /Ejemplo: micontraseña:(\w+)/.exec(chronos)
      const { status, answer } = await curl((command) => command.replace('"thesecretwordiskadabra"', `"thesecretwordiskadabra:${clientToken}"`))
      assert.equal(status, 200)
      assert.deepEqual(Object.keys(answer), ['token', 'type', 'expired_at'])
      assert.match(answer.token, /^[0-9a-f]+$/)
      assert.match(answer.expired_at, /^\d{4}-\d\d-\d\d$/)
      const passed = await verify(base, { Authorization: `${answer.type} ${answer.token}` }, '?workspace=warehouse')
      assert.equal(passed.status, 200)
    })
  })
})
