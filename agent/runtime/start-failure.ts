/** Why a container can't be started, in the words that Kubernetes users know. */
export type StartFailureReason =
  /** The pod asks for something that isn't there: a ConfigMap, a key, a directory. */
  | 'CreateContainerConfigError'
  | 'CreateContainerError'
  /** The engine made it but couldn't run it: its command isn't there, or may not be executed. */
  | 'RunContainerError'
  | 'ErrImagePull'
  | 'ErrImageNeverPull'
  | 'InvalidImageName'
  | 'PostStartHookError';

export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly reason: StartFailureReason;

  constructor(reason: StartFailureReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
