import { get, mustKubectl } from './shell.ts'

/** Names of our pods. */
export const pods = async (): Promise<string[]> =>
  (await get('-n', 'lockkeeper', 'pods', '-l', 'app.kubernetes.io/name=lockkeeper')).items.map(
    ({ metadata }: { metadata: { name: string } }) => metadata.name,
  )

export const metricsOf = (pod: string): Promise<string> =>
  mustKubectl('get', '--raw', `/api/v1/namespaces/lockkeeper/pods/${pod}:9090/proxy/metrics`)

/** When the certificate that each pod serves ends, seconds of the epoch, as its metrics say. */
export async function servedUntil(): Promise<number[]> {
  const texts = await Promise.all((await pods()).map(metricsOf))
  return texts.map((text) => Number(/^lockkeeper_certificate_expiry_timestamp_seconds (\S+)$/m.exec(text)?.[1]))
}
