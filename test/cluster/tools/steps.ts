import type { Arrival } from './arrivals.ts'
import type { Result } from './shell.ts'

/** What a person does to a Deployment. */
export type Act = (at: Arrival) => Promise<Result>
/** What was done before, and is not what a test is about. */
export type Start = (at: Arrival) => Promise<unknown>

export const serverSide = ['apply', '--server-side'] as const
export const nothing: Start = () => Promise.resolve()
export const two: Start = (at) => at.releases(2)
export const three: Start = (at) => at.releases(1, 2, 3)
export const twoByServer: Start = (at) => at.send(serverSide, at.object(2))

/** One step after the other, and then a look of the controller at it: it makes the revision. */
export const after =
  (...steps: (Start | Act)[]): Start =>
  async (at) => {
    for (const step of steps) {
      await step(at)
      await at.observed()
    }
  }

/** The manifest of a release, handed to a command: `send(3, 'apply', '--server-side')`. */
export const send =
  (version: number, ...verb: string[]): Act =>
  (at) =>
    at.send(verb, at.object(version))

/** A command about the Deployment: `command('set image', 'orders=orders:3')`. */
export const command =
  (verb: string, ...args: string[]): Act =>
  (at) =>
    at.command(verb.split(' '), args)

export const merge = (patch: object): Act => command('patch', '--type=merge', '-p', JSON.stringify(patch))
export const json = (op: string, path: string, value?: string): Act =>
  command('patch', '--type=json', '-p', JSON.stringify([{ op, path, value }]))
