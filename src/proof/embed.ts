import { readProof } from './proof-file.ts'

/** The key of `catalogue.json` that holds a proof, as the text that it is. */
export const PROOF_KEY = 'proof'

/**
 * A catalogue with a proof in it: the text of `catalogue.json` (`writeCatalogue`) and that of a proof to the text of
 * `catalogue.json`. A proof that is in it already gives way. Releases that know no proofs pass over it. A flaw of the
 * proof is returned; the catalogue is what this program wrote, so one that is no JSON throws.
 */
export function withProof(catalogue: string, proof: string): string | { readonly flaw: string } {
  const read = readProof(proof)
  if ('flaw' in read) return read
  return JSON.stringify({ ...(JSON.parse(catalogue) as Record<string, unknown>), [PROOF_KEY]: proof })
}
