import { defineConfig } from 'vitest/config'

/**
 * Three projects, by what a test needs: nothing, a PostgreSQL server (embedded), or a Kubernetes cluster.
 * `test/tools/test.ts` runs them and says in one line what it skips.
 */
export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.pg.test.ts', 'test/cluster/**'],
          testTimeout: 30_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'postgres',
          include: ['test/**/*.pg.test.ts'],
          globalSetup: ['test/tools/postgres-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // These tests wait for their servers half of the time: two files at once keep two processors busy.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          globalSetup: ['test/cluster/tools/setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
          // After the others: a cluster on the same machine needs it for itself.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
