// A browser without scripts: it keeps cookies, follows redirects inside the
// server and posts forms as they stand on the page.
export class Browser {
  #cookies = new Map()
  #base

  constructor(base) {
    this.#base = base
  }

  // open goes to an address and returns where that leads: a page of the server,
  // or the address outside that the browser was sent to, where it does not go.
  async open(address, form) {
    for (let i = 0; i < 10; i++) {
      const response = await fetch(address, this.#request(form))
      for (const line of response.headers.getSetCookie()) {
        const [name, value] = line.split(';')[0].split(/=(.*)/s)
        this.#cookies.set(name, value)
      }
      const to = response.headers.get('location')
      if (!to) return { url: new URL(address), status: response.status, html: await response.text() }
      address = new URL(to, address).href
      if (!address.startsWith(`${this.#base}/`)) return { url: new URL(address), status: response.status, html: '' }
      form = undefined
    }
    throw new Error(`${address} redirects for ever`)
  }

  #request(form) {
    const headers = { 'Sec-Fetch-Site': 'same-origin', Cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') }
    if (!form) return { headers, redirect: 'manual' }
    // A page that sends no referrer sends no origin either.
    return { method: 'POST', body: form, headers: { ...headers, Origin: 'null' }, redirect: 'manual' }
  }

  // submit posts the page's form with that action, with these fields filled.
  submit(page, action, fields) {
    const [, inside] = new RegExp(`<form method="post" action="${action}">(.*?)</form>`, 's').exec(page.html) ?? []
    if (inside === undefined) throw new Error(`no form for ${action} on ${page.url}: ${page.html}`)
    const form = new URLSearchParams()
    for (const [, input] of inside.matchAll(/<input ([^>]*)>/g)) {
      const at = Object.fromEntries([...input.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, unescape(value)]))
      const box = at.type === 'checkbox' || at.type === 'radio'
      if (!box || / checked/.test(input)) form.append(at.name, at.value)
    }
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    return this.open(this.#base + action, form)
  }

  // install signs somebody in on the way to an authorize link, allows what it
  // asks for, and returns the address that the app is called back on.
  async install(link, email) {
    let page = await this.open(link)
    if (page.url.pathname === '/panel/login') {
      page = await this.submit(page, '/panel/login', { email, password: 'correct horse battery' })
    }
    const { url } = await this.submit(page, '/panel/consent', { action: 'allow' })
    return url
  }
}

const unescape = (text) => text.replace(/&(amp|lt|gt|quot|#34|#39|#43);/g, (_, name) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#34': '"', '#39': "'", '#43': '+' })[name])
