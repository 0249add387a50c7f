/** A bound of the product. docs/limits.md is made of this list. */
export interface Limit {
  readonly value: number
  readonly unit: 'bytes' | 'characters' | 'ms' | ''
  /** What is bounded, and whose it is. */
  readonly bounds: string
  /** What happens above it. */
  readonly above: string
  readonly why: string
}

const MiB = 1024 * 1024
const limit = (value: number, unit: Limit['unit'], bounds: string, above: string, why: string): Limit => ({
  value,
  unit,
  bounds,
  above,
  why,
})

/**
 * Every bound of the webhook and of what it hands to the runner. What somebody else writes is counted against these
 * before it is worked on, so that a team that writes too much stops itself and nobody else.
 */
export const LIMITS = {
  reviewBytes: limit(
    7 * MiB,
    'bytes',
    'body of one review',
    'answered with 413',
    'the API server stores objects of at most 3 MiB, and a review holds two of them',
  ),
  reviewValues: limit(
    300_000,
    '',
    'values (fields, items, lists, objects) in the body of one review',
    'answered with 413',
    'a body of 7 MiB that is all brackets would take 20 times its size in memory; two workloads of 3 MiB have fewer',
  ),
  annotations: limit(
    256 * 1024,
    'characters',
    'annotations of a workload, and of its pod template, keys and values together',
    'answered with 400',
    'Kubernetes refuses more (`TotalAnnotationSizeLimitB`), but only after the mutating webhooks',
  ),
  heldBytes: limit(
    16 * MiB,
    'bytes',
    'bodies of reviews, together, that are being received or wait for their turn',
    'the largest of them is ended with 503',
    'what is held must fit the memory limit beside everything else; a body counts by what came of it, not by what it announces',
  ),
  waitingBytes: limit(
    8 * MiB,
    'bytes',
    'bodies of reviews, together, that wait for their source for longer than a quarter of a second',
    'the largest of them is answered at once, with what is known',
    'a parsed review takes some four times its body',
  ),
  waitingReviews: limit(
    200,
    '',
    'reviews that wait for their source for longer than a quarter of a second',
    'the one that waited longest is answered at once, with what is known',
    'each holds a connection and its objects',
  ),
  roomBytes: limit(
    512 * 1024,
    'bytes',
    'bodies of reviews that are let in at once',
    'the others wait, in turn by the address that they come from',
    'a parsed review takes some four times its body; a burst is answered sooner so, in a fraction of the memory',
  ),
  connections: limit(
    1_000,
    '',
    'connections to the webhook',
    'one that never had an answer is closed, of the address that has most of them; where all had one, the idlest',
    'an API server has some ten, and keeps them; a connection takes some 40 KB',
  ),
  handshakesAtOnce: limit(
    200,
    '',
    'TLS handshakes that one address begins at once',
    'further ones begin one by one, see the next line',
    'an API server has at most 200 changing requests under way (`--max-mutating-requests-inflight`), and may open a connection for each',
  ),
  handshakesPerSecond: limit(
    50,
    '',
    'TLS handshakes that one address begins in a second, after those',
    'a connection waits for its turn, unread; those of other addresses do not wait for it',
    'a handshake takes a millisecond or two of the thread that answers reviews; an API server uses its connections again',
  ),
  waitingHandshakes: limit(
    200,
    '',
    'connections of one address that wait for their handshake',
    'further ones are closed at once',
    'the last of them waits for 4 s, after which the API server gives up',
  ),
  metricsConnections: limit(
    50,
    '',
    'connections to the metrics port',
    'further ones are closed at once',
    'a monitoring system has one or two',
  ),
  handshakeMs: limit(5_000, 'ms', 'a TLS handshake', 'the connection is closed', 'a handshake takes milliseconds'),
  headersMs: limit(
    5_000,
    'ms',
    'the headers of a request, from its first byte on',
    'answered with 408, and the connection is closed',
    'the API server sends a review at once',
  ),
  requestMs: limit(
    5_000,
    'ms',
    'the body of a request, behind its headers',
    'answered with 408, and the connection is closed',
    'the API server has given up by then (timeoutSeconds in the chart)',
  ),
  keepAliveMs: limit(
    120_000,
    'ms',
    'an idle connection, also one that never asked',
    'the connection is closed',
    'the API server keeps idle connections for 90 s, also those that it opened and did not need; ours must outlast that, or it meets a closed one',
  ),
  sourceJson: limit(
    32 * MiB,
    'bytes',
    'ConfigMaps of one source, together, as the API server sends them (JSON)',
    '`source-unreadable`: load bulk data outside the migrations',
    'files of 20 MiB with what JSON adds',
  ),
  quickJson: limit(
    4 * MiB,
    'bytes',
    'ConfigMaps of a source that is read in the thread for quick ones',
    'they are read in the thread for slow ones, after others of that kind',
    'most releases have a hundredth of it; what is quick never waits behind what is slow',
  ),
  quickMs: limit(
    500,
    'ms',
    'reading and judging a source in the thread for quick ones',
    'the thread ends, and the namespace waits with the slow ones until one of its sources was quick again',
    'the longest that one namespace can keep another waiting',
  ),
  sourceMs: limit(
    2_000,
    'ms',
    'reading and judging a source',
    '`sql-unjudged`, which refuses where `deny-findings` names a code of the SQL; where its files alone take as long: `source-unreadable`',
    'the API server waits for 5 s, and others wait too',
  ),
  waitingSources: limit(
    100,
    '',
    'sources of one namespace that wait to be read',
    '`source-unreadable`: apply fewer releases at once',
    'each holds a review, which the API server gives up after 5 s',
  ),
  configMapMs: limit(
    2_000,
    'ms',
    'the API server to answer with a ConfigMap',
    '`source-unreadable`: run the same command again',
    'an answer takes milliseconds',
  ),
  keptSources: limit(
    32 * MiB,
    'bytes',
    'sources that are kept, so that they need not be read again',
    'the namespace with the most of them gives up what it used least',
    'a set of 200 migrations takes some 200 KB, with the objects that hold it',
  ),
  unjudgedMs: limit(
    30_000,
    'ms',
    'how long SQL that was not judged is taken for that',
    'it is tried again',
    'the machine may have been slow then',
  ),
  statusEntries: limit(
    15_000,
    'characters',
    'pairs of scripts that lockkeeper.dev/status keeps one by one, some 200 versions',
    'one hash stands for the older ones: where it differs, all of those are judged',
    'all annotations of an object may have 256 KiB, and each revision of a workload keeps its own copy',
  ),
  sourceBytes: limit(
    20 * MiB,
    'bytes',
    'migration files of one source',
    '`source-too-large`: load bulk data outside the migrations',
    'more is no set of migrations',
  ),
  files: limit(
    25_000,
    '',
    'migration files of one source',
    '`too-many-files`: squash the oldest migrations into one',
    'up and down of as many versions as there may be, and some more',
  ),
  versions: limit(
    10_000,
    '',
    'versions of one source or catalogue',
    '`too-many-versions`: squash the oldest migrations into one',
    'a release a day for 27 years',
  ),
  unversioned: limit(
    1_000,
    '',
    'repeatable migrations, callbacks and baselines of one source or catalogue',
    '`too-many-unversioned`: put several into one file',
    'each goes into the digest of what runs before a version, which proofs name',
  ),
  alikeFindings: limit(
    20,
    '',
    'findings of one code about one migration that a catalogue keeps',
    'the last of them says how many more there are; `lockkeeper lint` lists all',
    'a message shows 20 in all, and the code is what decides',
  ),
  findings: limit(
    30_000,
    '',
    'findings that a catalogue keeps',
    '`too-many-findings`, an error where one of those left out is one: correct the files (`lockkeeper lint`)',
    'three for each of as many versions as there may be',
  ),
  judgedStatements: limit(
    20_000,
    '',
    'statements of one script that are judged',
    '`too-many-statements`, which refuses where `deny-findings` names a code of the SQL: make several migrations of it',
    'bulk data is loaded by COPY, or by INSERT of many rows',
  ),
  matchedStatements: limit(
    1_000,
    '',
    'statements of an up script and its down script, together, that are matched',
    '`too-many-statements`: make several migrations of it',
    'each is looked for among the others',
  ),
  parsedStatement: limit(
    128 * 1024,
    'characters',
    'one statement that is judged, rows to be inserted apart',
    '`sql-too-long`, which refuses where `deny-findings` names a code of the SQL: make several statements of it',
    'the parser and the tree that it makes take 400 times a statement',
  ),
  placeholders: limit(
    1_000,
    '',
    'placeholders of one workload',
    '`annotation-invalid`: give fewer values',
    'each is looked up in every script',
  ),
  deniedCodes: limit(
    200,
    '',
    'codes in `deny-findings` of a namespace',
    '`annotation-invalid`: list codes of docs/rules.md, each once',
    'there are some hundred',
  ),
  configMaps: limit(
    20,
    '',
    'ConfigMaps that a workload names as its migrations',
    '`annotation-invalid`: fill them, each holds 1 MiB',
    'a set has at most 20 MiB',
  ),
} as const satisfies Record<string, Limit>
