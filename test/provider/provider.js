// A real OpenID provider on loopback, for the client at the address PROVIDER_CALLBACK.
// Whoever types a name into its one page is signed in as NAME@acme.example, an
// address that it vouches for unless the name begins with "unverified". It says
// where it is on its first line and lives as long as its input is open.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import http from 'node:http'
import { Provider } from 'oidc-provider'

const server = http.createServer()
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
const issuer = `http://127.0.0.1:${server.address().port}`
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

const provider = new Provider(issuer, {
  clients: [{ client_id: 'ficha', client_secret: process.env.PROVIDER_SECRET, redirect_uris: [process.env.PROVIDER_CALLBACK] }],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 3600, IdToken: 300, Interaction: 600, Session: 3600 },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, name) => ({
    accountId: name,
    claims: () => ({ sub: name, name, email: `${name}@acme.example`, email_verified: !name.startsWith('unverified') }),
  }),
  // What the client asks for is granted: consent is not what is tried here.
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope('openid email profile')
    await grant.save()
    return grant
  },
})

const page = `<!doctype html><html lang="en"><title>Acme ID</title><link rel="icon" href="data:,">
<h1>Acme ID</h1><form method="post"><label>Name <input id="name" name="name"></label><button>Continue</button></form>`

const answer = provider.callback()
server.on('request', async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response)
  if (request.method === 'GET') return response.setHeader('Content-Type', 'text/html').end(page)
  let body = ''
  for await (const part of request) body += part
  const login = { accountId: new URLSearchParams(body).get('name') }
  return provider.interactionFinished(request, response, { login })
})

process.stdin.resume().once('end', () => process.exit())
console.log(issuer)
