// Sends COUNT events with the official Node SDK; prints what it could not deliver.
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, count, prefix] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, flushAt: 100, flushInterval: 200 })
const errors = []
analytics.on('error', (error) => errors.push(String(error.reason ?? error.code)))
for (let n = 0; n < Number(count); n += 1) {
  analytics.track({
    userId: `user-${n % 997}`,
    event: 'Product Viewed',
    messageId: `${prefix}-${n}`,
    properties: { product_id: `p${n % 100}`, price: 19.9, currency: 'CNY', n },
  })
  // A program that never pauses would hold every event in memory before the first is sent.
  if (n % 1000 === 999) await new Promise((done) => setTimeout(done, 10))
}
await analytics.closeAndFlush()
process.stdout.write(`${JSON.stringify({ sent: Number(count), errors: errors.slice(0, 5) })}\n`)
