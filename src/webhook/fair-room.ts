interface Waiting {
  readonly size: number
  readonly enter: (leave: () => void) => void
}

/**
 * Room of a fixed size that is given in turn to those who ask for it: each of the askers (an address, a namespace) that
 * waits gets one after the other, whatever one of them asks for. One larger than all the room comes alone.
 */
export class FairRoom {
  readonly #size: number
  #taken = 0
  /** Askers in the order of their turns, each with what it waits for. */
  readonly #waiting = new Map<string, Waiting[]>()

  constructor(size: number) {
    this.#size = size
  }

  /** Resolves when there is room, with what gives it back; that may be called more than once. */
  enter(asker: string, size: number): Promise<() => void> {
    return new Promise((enter) => {
      const own = this.#waiting.get(asker)
      const asked = { size: Math.min(size, this.#size), enter }
      if (own === undefined) this.#waiting.set(asker, [asked])
      else own.push(asked)
      this.#admit()
    })
  }

  #admit(): void {
    for (const [asker, own] of this.#waiting) {
      const [first] = own
      // Whoever's turn it is waits for room, though one behind would fit: else a large one would wait for ever.
      if (first === undefined || this.#taken + first.size > this.#size) return
      own.shift()
      this.#waiting.delete(asker)
      if (own.length > 0) this.#waiting.set(asker, own)
      this.#taken += first.size
      first.enter(this.#leaving(first.size))
    }
  }

  #leaving(size: number): () => void {
    let left = false
    return () => {
      if (left) return
      left = true
      this.#taken -= size
      this.#admit()
    }
  }
}
