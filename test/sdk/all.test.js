// One process runs all, so that the program is built once.
import './contentful.test.js'
import './documents.test.js'
import './hubspot.test.js'
import './webhooks.test.js'
