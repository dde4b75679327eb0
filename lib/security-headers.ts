import { Duration } from 'aws-cdk-lib';
import { HeadersFrameOption, HeadersReferrerPolicy, type ResponseHeadersPolicyProps } from 'aws-cdk-lib/aws-cloudfront';

const YEARS_2 = Duration.days(730);

const everywhere = {
  strictTransportSecurity: { accessControlMaxAge: YEARS_2, includeSubdomains: true, override: true },
  contentTypeOptions: { override: true },
  frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
};

/** Pages (core/console/security-headers.ts says the same, a test compares them): scripts, styles and requests of our own origin only, in nobody's frame. */
export const PAGE_HEADERS: ResponseHeadersPolicyProps = {
  securityHeadersBehavior: {
    ...everywhere,
    referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
    contentSecurityPolicy: {
      contentSecurityPolicy: [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ].join('; '),
      override: true,
    },
  },
  customHeadersBehavior: {
    customHeaders: ['cross-origin-opener-policy', 'cross-origin-resource-policy'].map((header) => ({
      header,
      value: 'same-origin',
      override: true,
    })),
  },
};

/** APIs: their few pages bring a policy of their own, which stays. */
export const API_HEADERS: ResponseHeadersPolicyProps = { securityHeadersBehavior: everywhere };
