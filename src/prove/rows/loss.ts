/** What of a table is not there any more, or another, after up and down. */
export interface Loss {
  /** `public.orders`, or `sequence public.orders_id_seq`. */
  readonly object: string
  /** How many of its rows, and of how many. */
  readonly rows: number
  readonly of: number
  /** In a few words: `rows are gone`, `note is another value`. */
  readonly what: string
  /** One of them, by its key: `id = 3: note 'abc' → NULL`. */
  readonly example: string
}

/** A table that no row could be made for, and why. Blocks nothing. */
export interface Unfilled {
  readonly table: string
  readonly why: string
}
