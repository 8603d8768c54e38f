// What is delivered, verified by the reference library of Standard Webhooks and
// by Node's own cryptography.
import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { after, before, describe, mock, test } from 'node:test'

import { Webhook } from 'standardwebhooks'

import { serve, temporary } from './server.js'

const resources = `
workspaces: [{id: acme}]
users: [{email: ana@acme.example, memberships: [{workspace: acme, role: super_admin}]}]
tokens: [{kind: personal, user: ana@acme.example, name: ana's, secret: ana-admin-token-0001, scopes: ["admin:write"]}]
`

// receiver gathers what is posted to it.
async function receiver() {
  const heard = []
  let told = () => {}
  const server = http.createServer(async (request, reply) => {
    const pieces = []
    for await (const piece of request) pieces.push(piece)
    heard.push({ headers: request.headers, body: Buffer.concat(pieces).toString() })
    reply.writeHead(204).end()
    told()
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const next = async () => {
    while (heard.length === 0) await new Promise((resolve) => (told = resolve))
    return heard.shift()
  }
  return { url: `http://127.0.0.1:${server.address().port}/`, next, stop: () => server.close() }
}

describe('webhooks', () => {
  let base, stop, ear
  const post = async (where, body) => {
    const headers = { authorization: 'Bearer ana-admin-token-0001', 'content-type': 'application/json' }
    const answer = await fetch(`${base}${where}`, { method: 'POST', headers, body: JSON.stringify(body) })
    assert.equal(Math.floor(answer.status / 100), 2, `${where}: ${answer.status}`)
    return answer.json()
  }
  before(async () => {
    ear = await receiver()
    const file = path.join(temporary(), 'resources.yaml')
    writeFileSync(file, resources)
    ;({ base, stop } = await serve(file, { FICHA_WEBHOOK_ALLOW: '127.0.0.0/8' }))
  })
  after(async () => {
    await stop()
    ear.stop()
  })

  test('a delivery has the signatures of the secret and of the key pair', async () => {
    const hook = await post('/v1/webhooks', { url: ear.url, events: ['token.*'] })
    const { event } = await post(`/v1/webhooks/${hook.id}/test`, {})
    const { headers, body } = await ear.next()
    assert.equal(headers['webhook-id'], event)

    const library = new Webhook(hook.secret)
    assert.equal(library.verify(body, headers).type, 'webhook.test')
    assert.throws(() => library.verify(body.replace('webhook.test', 'webhook.toast'), headers), /signature/i)
    assert.throws(() => library.verify(body, { ...headers, 'webhook-id': 'another' }), /signature/i)
    assert.throws(() => new Webhook('whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA').verify(body, headers), /signature/i)
    mock.timers.enable({ apis: ['Date'], now: Date.now() + 10 * 60 * 1000 })
    assert.throws(() => library.verify(body, headers), /too old/i)
    mock.timers.reset()

    const x = Buffer.from(hook.public_key.replace(/^whpk_/, ''), 'base64').toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    const [, text] = headers['webhook-signature'].match(/(?:^| )v1a,(\S+)/)
    const content = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
    assert.ok(verify(null, Buffer.from(content), key, Buffer.from(text, 'base64')))
    assert.ok(!verify(null, Buffer.from(`${content} `), key, Buffer.from(text, 'base64')))
  })
})
