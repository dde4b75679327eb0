import type { SESv2Client } from '@aws-sdk/client-sesv2';
import type { Mailer } from '../core/ports/mailer.ts';

/** Mail by Amazon SES. The client is loaded with the first mail: most processes never send one. */
export function sesMailer(from: string): Mailer {
  let client: SESv2Client | undefined;
  return {
    async send({ to, subject, text }) {
      const { SendEmailCommand, SESv2Client } = await import('@aws-sdk/client-sesv2');
      client ??= new SESv2Client({});
      const Charset = 'UTF-8';
      await client.send(
        new SendEmailCommand({
          FromEmailAddress: from,
          Destination: { ToAddresses: [to] },
          Content: { Simple: { Subject: { Data: subject, Charset }, Body: { Text: { Data: text, Charset } } } },
        }),
      );
    },
  };
}
