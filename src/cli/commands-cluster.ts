import { command } from './program.ts'

/** The commands that look at a cluster. */
export function addClusterCommands(): void {
  command(
    'doctor',
    'what is wrong with an installation and the workloads that count on it; only reads',
    'lockkeeper doctor --context staging   (or kubectl lockkeeper doctor)',
    async (output, options) => {
      const { doctor } = await import('./doctor.ts')
      return doctor(output, options as never)
    },
  )
    .option('--kubeconfig <path>', 'file that names the cluster (default: $KUBECONFIG, then ~/.kube/config)')
    .option('--context <name>', 'context in it')
    .option('-n, --namespace <name>', 'namespace that the webhook runs in', 'lockkeeper')
}
