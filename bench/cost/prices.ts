/** AWS list prices, US dollars, us-east-1, without free tiers. As of November 2026. */
export const PRICES_OF = '2026-11';

export const PRICES = {
  /** https://aws.amazon.com/dynamodb/pricing/on-demand/ */
  dynamoWriteUnit: 0.625e-6,
  dynamoReadUnit: 0.125e-6,
  /** https://aws.amazon.com/lambda/pricing/ (arm64) */
  lambdaRequest: 0.2e-6,
  lambdaGbSecond: 0.0000133334,
  /** https://aws.amazon.com/cloudfront/pricing/ (HTTPS requests, North America) */
  cloudFrontRequest: 1e-6,
  /** https://aws.amazon.com/api-gateway/pricing/ (WebSocket) */
  webSocketMessage: 1e-6,
  webSocketMinute: 0.25e-6,
  /** EventBridge's own schedules are free. */
  ecsAnywhereNodeMonth: 7.48,
  eksClusterMonth: 73,
} as const;
