// HubSpot's own SDK, pointed at the server by its base path, and an app that
// works as the vendor's sample app does.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { Client } from '@hubspot/api-client'

import { Browser } from './browser.js'
import { serve, verify } from './server.js'

const id = '7fff1e36-2d40-4ae1-bbb1-5266d59564fb'
const secret = '7c3ce02c-0f0c-4c9f-9700-92440c9bdf2d'
const callback = 'https://www.example.com/auth-callback'
const scope = 'oauth crm.objects.contacts.read'

let base, stop
before(async () => {
  ;({ base, stop } = await serve())
})
after(() => stop())

const bearer = (token, query) => verify(base, { Authorization: `Bearer ${token}` }, query)

describe('@hubspot/api-client', () => {
  const { oauth: links } = new Client()
  const oauth = () => new Client({ basePath: base }).oauth
  const link = (...more) => links.getAuthorizationUrl(id, callback, scope, ...more).replace('https://app.hubspot.com', base)
  const exchange = (code, key = secret) => oauth().tokensApi.create('authorization_code', code, callback, id, key)
  const refresh = (token) => oauth().tokensApi.create('refresh_token', undefined, undefined, id, secret, token)

  // installed lets the app in and returns its tokens.
  const installed = async (email = 'super@acme.example') => {
    const back = await new Browser(base).install(link('forms automation', 'st/å?&='), email)
    assert.equal(back.origin + back.pathname, callback)
    assert.equal(back.searchParams.get('state'), 'st/å?&=')
    return exchange(back.searchParams.get('code'))
  }

  // refused runs what must fail and returns the SDK's exception.
  const refused = async (what, code, body) => {
    const error = await what.then(
      () => assert.fail('it is not refused'),
      (e) => e,
    )
    assert.equal(error.code, code, error.message)
    for (const [name, value] of Object.entries(body)) assert.equal(error.body[name], value, name)
    assert.ok(error.body.message)
    assert.ok(error.body.category)
    assert.match(error.body.correlationId, /^[0-9a-f-]{36}$/)
    return error
  }

  test('the link that the SDK makes leads to tokens', async () => {
    const tokens = await installed()
    assert.deepEqual([tokens.tokenType, tokens.expiresIn], ['bearer', 1800])
    assert.ok(tokens.accessToken.length <= 300)
    const passed = await bearer(tokens.accessToken, '?workspace=acme&scope=crm.objects.contacts.read')
    assert.equal(passed.status, 200)
  })

  test('the SDK reads what an access token is', async () => {
    const { accessToken } = await installed()
    const told = await oauth().accessTokensApi.get(accessToken)
    assert.deepEqual(
      [told.token, told.user, told.hubDomain, told.hubId, told.appId, told.userId, told.tokenType],
      [accessToken, 'super@acme.example', 'acme.example', 62515, 111111, 293199, 'access'],
    )
    assert.deepEqual(told.scopes, ['oauth', 'crm.objects.contacts.read', 'forms'])
    assert.ok(told.expiresIn > 1700 && told.expiresIn <= 1800)
  })

  test('the SDK reads what a refresh token is', async () => {
    const { refreshToken } = await installed('super@globex.example')
    const told = await oauth().refreshTokensApi.get(refreshToken)
    assert.deepEqual([told.token, told.clientId, told.hubId, told.tokenType], [refreshToken, id, 71000, 'refresh'])
    assert.deepEqual(told.scopes, ['oauth', 'crm.objects.contacts.read', 'forms', 'automation'])
  })

  test('a refresh token works again and again, as the README uses it', async () => {
    const { accessToken, refreshToken } = await installed()
    const seen = new Set([accessToken])
    for (let i = 0; i < 3; i++) {
      const renewed = await refresh(refreshToken)
      assert.deepEqual([renewed.refreshToken, renewed.expiresIn], [refreshToken, 1800])
      seen.add(renewed.accessToken)
    }
    assert.equal(seen.size, 4)
    for (const token of seen) assert.equal((await bearer(token)).status, 200)
  })

  test('an archived refresh token renews nothing, and what it gave lives on', async () => {
    const { accessToken, refreshToken } = await installed()
    await oauth().refreshTokensApi.archive(refreshToken)
    await refused(refresh(refreshToken), 400, { status: 'BAD_REFRESH_TOKEN', error: 'invalid_grant' })
    await refused(oauth().refreshTokensApi.get(refreshToken), 404, { status: 'error', category: 'OBJECT_NOT_FOUND' })
    assert.equal((await oauth().accessTokensApi.get(accessToken)).token, accessToken)
  })

  test('the SDK parses every error', async () => {
    await refused(exchange('5771f587-2fe7-40e8-8784-042fb4bc2c31'), 400, { status: 'BAD_AUTH_CODE', error: 'invalid_grant' })
    await refused(exchange('x', 'wrong'), 400, { status: 'BAD_CLIENT_ID', error: 'invalid_client' })
    await refused(oauth().tokensApi.create('password', undefined, undefined, id, secret), 400, { status: 'BAD_GRANT_TYPE', error: 'unsupported_grant_type' })
    await refused(oauth().accessTokensApi.get('nothing/at all?'), 404, { status: 'error', category: 'OBJECT_NOT_FOUND' })
  })

  test('retries that were asked for do not repeat a refusal', async () => {
    let asked = 0
    const count = { pre: (context) => (asked++, Promise.resolve(context)), post: (context) => Promise.resolve(context) }
    const client = new Client({ basePath: base, numberOfApiCallRetries: 3, middleware: [count] })
    await refused(client.oauth.refreshTokensApi.get('nothing'), 404, {})
    assert.equal(asked, 1)
  })
})

// An app that works as the vendor's sample does: it remembers tokens by session,
// asks v3, and takes any answer with a message for an error.
class App {
  tokens
  #redirect = 'http://localhost:3000/oauth-callback'

  // link is where /install sends the browser.
  link() {
    const parameter = (name, value) => `${name}=${encodeURIComponent(value)}`
    return `${base}/oauth/authorize?${parameter('client_id', id)}&${parameter('scope', scope)}&${parameter('redirect_uri', this.#redirect)}`
  }

  // calledBack is /oauth-callback; it returns where the browser goes next.
  async calledBack(url) {
    const error = await this.#exchange({ grant_type: 'authorization_code', code: url.searchParams.get('code') })
    return error ? `/error?msg=${error}` : '/'
  }

  renew() {
    return this.#exchange({ grant_type: 'refresh_token', refresh_token: this.tokens.refresh_token })
  }

  async #exchange(proof) {
    const form = new URLSearchParams({ client_id: id, client_secret: secret, redirect_uri: this.#redirect, ...proof })
    const answer = await fetch(`${base}/oauth/v3/token`, { method: 'POST', body: form })
    const body = await answer.json()
    if (answer.ok) this.tokens = body
    return body.message
  }
}

describe("an app like the vendor's sample", () => {
  test('gets tokens, uses them and renews them', async () => {
    const app = new App()
    const back = await new Browser(base).install(app.link(), 'super@acme.example')
    assert.equal(await app.calledBack(back), '/')
    const first = app.tokens
    assert.equal((await bearer(first.access_token, '?workspace=acme')).status, 200)
    assert.equal(await app.renew(), undefined)
    assert.notEqual(app.tokens.access_token, first.access_token)
    assert.equal((await bearer(app.tokens.access_token, '?workspace=acme')).status, 200)
  })

  test('shows its user what went wrong', async () => {
    const app = new App()
    const back = await new Browser(base).install(app.link(), 'super@acme.example')
    assert.equal(await app.calledBack(back), '/')
    assert.match(await app.calledBack(back), /^\/error\?msg=\S/, 'a code works once')
  })
})
