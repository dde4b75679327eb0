/** What AWS answers to a call that it refuses. */
export class AwsFailure extends Error {
  /** As on the wire: `ThrottlingException`, ... */
  readonly type: string;
  readonly status: number;
  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

/** One AWS service that speaks JSON 1.1, as far as it is called here. */
export interface AwsJsonService {
  /** The name that calls are signed for. */
  readonly signedFor: string;
  /** `X-Amz-Target` up to the dot. */
  readonly target: string;
  /** Throws AwsFailure. `accessKey` is the caller's. */
  call(action: string, input: Readonly<Record<string, unknown>>, accessKey: string): unknown;
}

/** The fields of an input that a service knows: others, and missing ones, are what a real one would refuse. */
export function checkFields(
  input: Readonly<Record<string, unknown>>,
  required: readonly string[],
  optional: readonly string[] = [],
): void {
  for (const name of required) if (input[name] === undefined) throw new AwsFailure('ValidationException', `${name} is missing`);
  for (const name of Object.keys(input))
    if (!required.includes(name) && !optional.includes(name)) throw new AwsFailure('ValidationException', `${name} is not known`);
}
