/** Of systemd's own, when it could not run the program: systemd.exec(5), "Process Exit Codes". */
const CAUSES: Readonly<Record<number, string>> = {
  200: ', its WorkingDirectory is not there',
  203: ', its program is not there or can not be run',
  216: ', its Group is not known there',
  217: ', its User is not known there',
  226: ', its mounts could not be made',
};

/** CLD_EXITED; the others mean that a signal ended it. */
const EXITED = 1;

/** How a service's last run ended, as a few words; '' = well. Of its Result, ExecMainCode and ExecMainStatus: org.freedesktop.systemd1(5). */
export function outcomeOf(result: string, code: number, status: number): string {
  if (result === 'success') return '';
  const how = code === EXITED ? `exit status ${status}${CAUSES[status] ?? ''}` : `signal ${status}`;
  return result === 'exit-code' || result === 'signal' || result === 'core-dump' ? `${result}, ${how}` : result;
}
