import type { Node } from 'libpg-query'
import { thing } from './effects/effect.ts'
import { listName, partsOf } from './names.ts'
import type { Schema } from './schema.ts'
import { nodesOf } from './walk.ts'

/** Functions of PostgreSQL's own that give every row the same value, or the same for the same arguments. */
const steady: ReadonlySet<string> = new Set(
  `now transaction_timestamp statement_timestamp current_setting current_user date_trunc date_part extract timezone
  make_date make_time make_timestamp make_timestamptz make_interval age to_char to_date to_number to_timestamp lower
  upper initcap length md5 sha256 concat concat_ws format replace substring substr left right trim btrim ltrim rtrim
  overlay position strpos split_part repeat lpad rpad reverse abs round ceil floor trunc mod power sqrt greatest least
  array_append array_cat array_fill array_to_string string_to_array json_build_array json_build_object jsonb_build_array
  jsonb_build_object to_json to_jsonb jsonb_set int4range int8range numrange daterange tsrange tstzrange to_tsvector
  encode decode inet_client_addr pg_typeof point box lseg path polygon circle`.split(/\s+/),
)

/** The function of an expression that may give another value for each row, in words; undefined: there is none. */
export function volatileIn(expression: Node, schema: Schema): string | undefined {
  for (const node of nodesOf(expression)) {
    if (!('FuncCall' in node)) continue
    const parts = partsOf(node.FuncCall.funcname)
    const own = parts.length === 1 || parts[0] === 'pg_catalog'
    const name = listName(node.FuncCall.funcname)
    const known = schema.find(thing('function', `${name}()`))
    if (known?.facts.volatile === false || (known === undefined && own && steady.has(parts.at(-1) ?? ''))) continue
    const sure = known !== undefined || (own && volatile.has(parts.at(-1) ?? ''))
    return `${name}() as its default, ${sure ? 'which is' : 'which may be'} volatile`
  }
  return undefined
}

const volatile: ReadonlySet<string> = new Set(
  `random random_normal gen_random_uuid uuidv4 uuidv7 uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4
  clock_timestamp timeofday nextval setval currval lastval txid_current pg_current_xact_id gen_random_bytes`.split(
    /\s+/,
  ),
)
