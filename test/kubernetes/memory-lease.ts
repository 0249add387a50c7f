import type { LeaseStore } from '../../src/kubernetes/election.ts'

/** A Lease in memory, with the API server's optimistic concurrency. */
export class MemoryLease implements LeaseStore {
  record = { holder: '', renewed: '', seconds: 0 }
  down = false
  #version = 0

  async read() {
    if (this.down) throw new Error('the API server is away')
    const version = this.#version
    return {
      record: this.record,
      write: async (holder: string, seconds: number) => {
        if (this.down) throw new Error('the API server is away')
        if (version !== this.#version) return false
        this.record = { holder, seconds, renewed: String(++this.#version) }
        return true
      },
    }
  }
}
