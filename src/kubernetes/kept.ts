interface Entry<T> {
  readonly value: T
  readonly bytes: number
}

/**
 * Values of several owners, of so many bytes together, each owner's last used behind. Where there are more, the owner that
 * has most of them gives up what it used least: so nobody pushes out what is somebody else's.
 */
export class Kept<T> {
  readonly #room: number
  readonly #owners = new Map<string, { readonly entries: Map<string, Entry<T>>; bytes: number }>()
  #taken = 0

  constructor(room: number) {
    this.#room = room
  }

  get(owner: string, key: string): T | undefined {
    const own = this.#owners.get(owner)
    const entry = own?.entries.get(key)
    if (own === undefined || entry === undefined) return undefined
    own.entries.delete(key)
    own.entries.set(key, entry)
    return entry.value
  }

  set(owner: string, key: string, value: T, bytes: number): void {
    this.delete(owner, key)
    const own = this.#owners.get(owner) ?? { entries: new Map(), bytes: 0 }
    this.#owners.set(owner, own)
    own.entries.set(key, { value, bytes })
    own.bytes += bytes
    this.#taken += bytes
    while (this.#taken > this.#room) this.#giveUp()
  }

  delete(owner: string, key: string): void {
    const own = this.#owners.get(owner)
    const entry = own?.entries.get(key)
    if (own === undefined || entry === undefined) return
    own.entries.delete(key)
    own.bytes -= entry.bytes
    this.#taken -= entry.bytes
    if (own.entries.size === 0) this.#owners.delete(owner)
  }

  #giveUp(): void {
    const [first] = this.#owners
    if (first === undefined) return
    let [owner, most] = first
    for (const [each, own] of this.#owners) if (own.bytes > most.bytes) [owner, most] = [each, own]
    const [oldest] = most.entries.keys()
    if (oldest !== undefined) this.delete(owner, oldest)
  }
}
