/** The manifest of a pod that does nothing, on that node and no other. */
export const pinnedPod = (name: string, node: string): string => `apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 0
  nodeSelector: { kubernetes.io/hostname: ${node} }
  containers:
    - { name: main, image: "terrane.test/busybox:1", imagePullPolicy: Never, command: ["/bin/sleep", "1000000"] }
`;
