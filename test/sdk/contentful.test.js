// Contentful's own SDK, pointed at the server by its own options.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import * as contentful from 'contentful-management'

import { serve, verify } from './server.js'

const [olga, adam, mia, max] = ['the-owner-of-press', 'the-admin-of-press', 'mia-a-member-of-press', 'max-a-member-of-press'].map((who) => `CFPAT-seed-of-${who}`)

describe('contentful-management', () => {
  let base, stop
  before(async () => {
    ;({ base, stop } = await serve())
  })
  after(() => stop())

  const client = (accessToken, options = {}) => contentful.createClient({ accessToken, host: new URL(base).host, insecure: true, ...options })
  const create = (accessToken, more) => client(accessToken).personalAccessToken.create({ name: 'My Token', scopes: ['content_management_manage'], ...more })

  // refused runs what must fail and returns the error, whose message is JSON.
  const refused = async (what, name) => {
    const error = await what.then(
      () => assert.fail(`${name} is not refused`),
      (e) => e,
    )
    assert.equal(error.name, name)
    const details = JSON.parse(error.message)
    assert.match(details.requestId, /^[0-9a-f-]{36}$/)
    assert.ok(details.message)
    return details
  }

  test('a token knows its user', async () => {
    const user = await client(olga).user.getCurrent()
    assert.deepEqual([user.sys.type, user.email, user.firstName, user.lastName], ['User', 'owner@press.example', 'Olga', 'Owner'])
  })

  test('a token is made, shown once, listed and read', async () => {
    const made = await create(olga, { expiresIn: 777596.92 })
    assert.match(made.token, /^CFPAT-/)
    assert.equal(made.sys.redactedValue, made.token.slice(-4))
    const lives = Date.parse(made.sys.expiresAt) - Date.parse(made.sys.createdAt)
    assert.ok(lives >= 777596_920 && lives <= 777597_000, `it lives ${lives} ms`)

    const list = await client(made.token).personalAccessToken.getMany({ query: { limit: 1 } })
    assert.deepEqual([list.sys.type, list.limit, list.items.length, list.items[0].sys.id], ['Array', 1, 1, made.sys.id])
    const { token: shown, ...read } = await client(made.token).personalAccessToken.get({ tokenId: made.sys.id })
    assert.deepEqual([shown, read.name, read.scopes, read.revokedAt], [undefined, 'My Token', ['content_management_manage'], null])
  })

  test('the older names of the SDK do the same', async () => {
    const made = await client(olga).accessToken.createPersonalAccessToken({ name: 'Old name', scopes: ['content_management_read'] })
    assert.equal((await client(olga).accessToken.get({ tokenId: made.sys.id })).name, 'Old name')
    assert.ok((await client(olga).accessToken.getMany({})).items.some((one) => one.sys.id === made.sys.id))
    assert.ok((await client(olga).accessToken.revoke({ tokenId: made.sys.id })).revokedAt)
  })

  test('the legacy client revokes a token by the object that it has of it', async () => {
    const legacy = contentful.createClient({ accessToken: olga, host: new URL(base).host, insecure: true }, { type: 'legacy' })
    const made = await legacy.createPersonalAccessToken({ name: 'Legacy', scopes: ['content_management_read'] })
    assert.equal((await legacy.getCurrentUser()).email, 'owner@press.example')
    assert.ok((await made.revoke()).revokedAt)
    await refused(client(made.token).user.getCurrent(), 'AccessTokenInvalid')
  })

  test('a revoked token opens nothing, and revoking it again changes nothing', async () => {
    const made = await create(olga)
    const revoked = await client(olga).personalAccessToken.revoke({ tokenId: made.sys.id })
    assert.equal(revoked.sys.id, made.sys.id)
    await refused(client(made.token).user.getCurrent(), 'AccessTokenInvalid')
    assert.equal((await client(olga).personalAccessToken.revoke({ tokenId: made.sys.id })).revokedAt, revoked.revokedAt)
  })

  test('filters find tokens by state and by the last four', async () => {
    const made = await create(olga, { name: 'Found', expiresIn: 3600 })
    const ids = async (query) => (await client(olga).personalAccessToken.getMany({ query })).items.map((one) => one.sys.id)
    const now = new Date().toISOString()
    assert.ok((await ids({ query: made.sys.redactedValue })).includes(made.sys.id))
    assert.ok((await ids({ 'sys.expiresAt[gt]': now, revokedAt: 'null' })).includes(made.sys.id))
    assert.ok(!(await ids({ 'sys.expiresAt[lt]': now, revokedAt: 'null' })).includes(made.sys.id))
    await client(olga).personalAccessToken.revoke({ tokenId: made.sys.id })
    assert.ok((await ids({ 'revokedAt[lt]': new Date(Date.now() + 1000).toISOString() })).includes(made.sys.id))
    assert.ok(!(await ids({ revokedAt: 'null' })).includes(made.sys.id))
  })

  test('organisations are those that the token opens', async () => {
    const all = await client(mia).organization.getAll()
    assert.deepEqual(all.items.map((one) => [one.sys.id, one.name]), [['press', 'Press'], ['radio', 'Radio']])
    assert.equal((await client(mia).organization.get({ organizationId: 'radio' })).name, 'Radio')
  })

  test('an admin sees the tokens of the organisation, redacted and with whose they are', async () => {
    const list = await client(adam).accessToken.getManyForOrganization({ organizationId: 'press' })
    assert.ok(list.items.length >= 4)
    assert.ok(list.items.every((one) => one.token === undefined && one.sys.user.sys.linkType === 'User'))
    await refused(client(max).accessToken.getManyForOrganization({ organizationId: 'press' }), 'AccessDenied')
  })

  test('errors have the names that the SDK knows', async () => {
    await refused(client('CFPAT-nothing').user.getCurrent(), 'AccessTokenInvalid')
    await refused(client(olga).personalAccessToken.get({ tokenId: 'nothing' }), 'NotFound')
    await refused(client(olga).personalAccessToken.getMany({ query: { colour: 'red' } }), 'InvalidQuery')
    await refused(create(max), 'AccessDenied')
    const { details } = await refused(create(olga, { name: '' }), 'ValidationFailed')
    assert.deepEqual(details.errors[0].path, ['name'])
    await refused(create(olga, { scopes: ['everything'] }), 'ValidationFailed')
  })

  test('a refusal is asked for once, whatever the retry settings', async () => {
    for (const options of [{}, { retryOnError: false }, { retryLimit: 2 }]) {
      let asked = 0
      await refused(client('CFPAT-nothing', { ...options, requestLogger: () => asked++ }).user.getCurrent(), 'AccessTokenInvalid')
      assert.equal(asked, 1, `with ${JSON.stringify(options)}`)
    }
  })

  test('removing a member cuts their tokens off there and nowhere else', async () => {
    const user = await client(mia).user.getCurrent()
    const members = await client(olga).organizationMembership.getMany({ organizationId: 'press' })
    const membership = members.items.find((one) => one.sys.user.sys.id === user.sys.id)
    assert.deepEqual([membership.role, membership.status], ['member', true])
    assert.equal((await verify(base, { Authorization: `Bearer ${mia}` }, '?workspace=press')).status, 200)

    await client(olga).organizationMembership.delete({ organizationId: 'press', organizationMembershipId: membership.sys.id })
    assert.equal((await verify(base, { Authorization: `Bearer ${mia}` }, '?workspace=press')).status, 401)
    assert.equal((await verify(base, { Authorization: `Bearer ${mia}` }, '?workspace=radio')).status, 200)
    await refused(client(olga).organizationMembership.get({ organizationId: 'press', organizationMembershipId: membership.sys.id }), 'NotFound')
    assert.equal((await client(mia).user.getCurrent()).sys.id, user.sys.id)
  })
})
