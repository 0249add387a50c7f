import { describe, expect, test } from 'vitest'
import { installed } from './tools/install.ts'
import { type Files, release, withShop } from './tools/orders.ts'
import { get } from './tools/shell.ts'

installed('helm')

describe('a release', () => {
  test('is applied once by five new pods, then v2 with its plan, v3 refused without and accepted with its down script', () =>
    withShop({}, async (shop) => {
      // Long enough that all five are there while the first one applies.
      const slow = `${release(1)['1_create_orders.up.sql']}SELECT pg_sleep(4);\n`
      await shop.files({ ...release(1), '1_create_orders.up.sql': slow })
      const first = await shop.deploy(1, { replicas: 5 })
      expect(first.code, first.output).toBe(0)
      await shop.rolledOut()
      const events = await shop.events()
      expect(events.filter(({ event }) => event === 'applied').map(({ version }) => version)).toEqual(['1'])
      const pods = (wanted: string) => new Set(events.filter(({ event }) => event === wanted).map(({ pod }) => pod))
      expect(pods('done').size).toBe(5)
      const waited = [...pods('waiting')]
      expect(waited).toHaveLength(4)
      expect(waited).not.toContain([...pods('applied')][0])
      const holder = events.find(({ event }) => event === 'waiting')?.message
      expect(holder).toContain(`${shop.namespace}/Deployment/orders`)

      const files = (version: number) => ({ ...release(version), '1_create_orders.up.sql': slow })
      await shop.files(files(2))
      const second = await shop.deploy(2)
      expect(second.stderr).toContain('Warning: ')
      expect(second.stderr).toContain('schema 1 to 2, 1 migration')
      expect(second.stderr).toContain('up 2 add_note, back by 2_add_note.down.sql')
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1', '2'])

      const { '3_rename_note.down.sql': down, ...without }: Files = files(3)
      await shop.files(without)
      const before = await get('-n', shop.namespace, 'deployment', 'orders')
      const uids = await shop.pods()
      const refused = await shop.deploy(3)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain(
        'admission webhook "validate.lockkeeper.dev" denied the request: \nschema version 3 of',
      )
      expect(refused.stderr).toContain(
        '  rollback-missing  3_rename_note.up.sql has no down script\n                    fix: write 3_rename_note.down.sql',
      )
      expect(refused.stderr).toContain('No pod was changed.')
      expect((await get('-n', shop.namespace, 'deployment', 'orders')).spec).toEqual(before.spec)
      expect(await shop.pods()).toEqual(uids)

      expect(down).toBeDefined()
      await shop.files(files(3))
      expect((await shop.deploy(3)).code).toBe(0)
      await shop.rolledOut()
      expect(await shop.versions()).toEqual(['1', '2', '3'])
    }))
})
