/** Sends one plain-text mail. Embedded: printed and put in a maildir; hosted: SES. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  /** Lines of at most ~78 characters; the link on a line of its own. */
  readonly text: string;
}

export interface Mailer {
  send(mail: Mail): Promise<void>;
}
