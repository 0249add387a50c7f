import { eventIn, eventLike } from './events.ts'

/** A file that Flyway would pass over in silence, or refuse: `what` follows the file name in a sentence. */
export interface Misnamed {
  readonly kind: 'misnamed'
  readonly what: string
  readonly fix: string
}

/** What a name that is not well-formed looks like. `stem`: without folders and suffix; `isName` knows good ones. */
export function whyMisnamed(stem: string, isName: (stem: string) => boolean): Misnamed {
  const renamed = (what: string, better: string): Misnamed => ({
    kind: 'misnamed',
    what,
    fix: `rename it to ${better}.sql`,
  })
  const capital = stem.slice(0, 1).toUpperCase() + stem.slice(1)
  if (isName(capital)) return renamed(`begins with a small ${stem[0]}, and Flyway sees only a capital one`, capital)
  const like = eventLike(stem)
  if (isName(like)) return renamed('is nearly the name of a callback, but for small and capital letters', like)
  const one = oneUnderscore(stem)
  if (one !== undefined && isName(one)) return renamed('has one underscore before its name, and Flyway needs two', one)
  return whyOfPrefix(stem)
}

/** `V1_2_name` is meant to be `V1_2__name`, `R_name` to be `R__name`. */
function oneUnderscore(stem: string): string | undefined {
  const prefix = eventIn(stem) ?? stem.slice(0, 1)
  const match = /^((?:\d+(?:[._]\d+)*)?)_(?!_)(.+)$/.exec(stem.slice(prefix.length))
  return match === null ? undefined : `${prefix}${match[1]}__${match[2]}`
}

function whyOfPrefix(stem: string): Misnamed {
  const event = eventIn(stem)
  const prefix = event ?? stem.slice(0, 1)
  const [left = '', ...rest] = stem.slice(prefix.length).split('__')
  const name = rest.join('__') || 'name'
  const says = (what: string, fix: string): Misnamed => ({ kind: 'misnamed', what, fix })
  if (event !== undefined) {
    return says(`has "${left}" behind ${event}, which no callback may`, `name it like ${event}__${left}.sql`)
  }
  if (/^[VUB]$/.test(prefix) && left === '') return says('has no version', `name it like ${prefix}1__${name}.sql`)
  if (/^[VUB]$/.test(prefix) && /\d/.test(left)) {
    return says(
      `has "${left}" for a version, which is numbers joined by . or _`,
      `name it like ${prefix}${left.match(/\d+(?:[._]\d+)*/)?.[0]}__${name}.sql`,
    )
  }
  if (prefix === 'R' && left === '')
    return says('has no name, by which a repeatable is known', 'name it like R__name.sql')
  if (prefix === 'R' && /^[\d._]+$/.test(left)) {
    return says(
      `has the version ${left}, and a repeatable has none`,
      `name it R__${name}.sql, or V${left}__${name}.sql if it is to run once`,
    )
  }
  return says(
    'is named as nothing that Flyway knows, and Flyway would pass over it in silence',
    'name it like V42__add_email.sql or R__order_totals.sql, or move it away',
  )
}
