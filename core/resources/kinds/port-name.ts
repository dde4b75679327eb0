/** IANA service name (RFC 6335). */
const PORT_NAME = /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/;

/** What is wrong with the name of a port where a number could stand, too. */
export function portNameProblem(name: string): string | undefined {
  return PORT_NAME.test(name)
    ? undefined
    : "must be a port's name: at most 15 lower case letters, digits or single '-', with a letter (e.g. 'http')";
}
