import { createServer } from 'node:https'
import { issueBundle } from '../../certs/issue.ts'

/** The least that a webhook in Node can be: reads a review, allows it, and answers. Prints a line when it is ready. */
const { cert, key } = await issueBundle({ names: ['localhost'], now: new Date() })
createServer({ cert, key }, (request, response) => {
  let text = ''
  request.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  request.on('end', () => {
    const { uid } = (JSON.parse(text) as { request: { uid: string } }).request
    const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true } }
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(review))
  })
}).listen(Number(process.env.PORT), '127.0.0.1', () => console.log(JSON.stringify({ msg: 'ready for reviews' })))
