// One image, three releases of the application: ORDERS_VERSION says which. 2 adds a note, 3 calls it remark.
import { createServer } from 'node:http'
import pg from 'pg'

const version = process.env.ORDERS_VERSION ?? '1'
const columns = { 1: ['id', 'item'], 2: ['id', 'item', 'note'], 3: ['id', 'item', 'remark'] }[version]
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 5 })
pool.on('error', (error) => console.error(`database: ${error.message}`))

const list = async () => (await pool.query(`select ${columns.join(', ')} from orders order by id desc limit 50`)).rows

async function add(order) {
  const given = columns.slice(1).filter((name) => order[name] !== undefined)
  const values = given.map((name) => order[name])
  const places = given.map((_, i) => `$${i + 1}`)
  const text = `insert into orders (${given.join(', ')}) values (${places.join(', ')}) returning ${columns.join(', ')}`
  return (await pool.query(text, values)).rows[0]
}

async function bodyOf(request) {
  let text = ''
  for await (const chunk of request) text += chunk
  return JSON.parse(text)
}

async function answer(request) {
  const { pathname } = new URL(request.url, 'http://orders')
  if (pathname === '/healthz') return [200, { version }]
  // Ready means: this release's code works on the schema as it is.
  if (pathname === '/readyz') return [200, { version, orders: (await list()).length }]
  if (pathname === '/orders' && request.method === 'GET') return [200, { version, orders: await list() }]
  if (pathname === '/orders' && request.method === 'POST')
    return [201, { version, order: await add(await bodyOf(request)) }]
  return [404, { error: 'unknown path' }]
}

let stopping = false
const server = createServer(async (request, response) => {
  if (stopping) response.setHeader('Connection', 'close')
  const [status, body] = await answer(request).catch((error) => [500, { version, error: error.message }])
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(body))
})
server.keepAliveTimeout = 65_000
server.listen(8080, () => console.log(`orders ${version} listens on 8080`))

process.on('SIGTERM', () => {
  stopping = true
  server.close(() => pool.end().then(() => process.exit(0)))
  server.closeIdleConnections()
})
