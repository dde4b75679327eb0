import type { DescribeImageScanFindingsCommandOutput, ImageScanFinding } from '@aws-sdk/client-ecr';
import type { ScanFinding, ScanReport, Severity } from '../core/ports/image-registry.ts';

/** More than that nobody reads. Also the most that ECR gives at once. */
export const FINDINGS_MAX = 1_000;

type Page = DescribeImageScanFindingsCommandOutput;

const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low', 'informational', 'undefined'];

const STATUS: Readonly<Record<string, ScanReport['status']>> = {
  COMPLETE: 'complete',
  ACTIVE: 'complete',
  IN_PROGRESS: 'pending',
  PENDING: 'pending',
  FAILED: 'failed',
};

/** ECR's findings of an image, page after page (basic scanning). */
export async function readScan(page: (next?: string) => Promise<Page>): Promise<ScanReport> {
  const findings: ScanFinding[] = [];
  let next: string | undefined;
  let first: Page | undefined;
  do {
    const answer = await page(next);
    first ??= answer;
    findings.push(...(answer.imageScanFindings?.findings ?? []).map(findingOf));
    next = answer.nextToken;
  } while (next && findings.length < FINDINGS_MAX);
  const counts = Object.entries(first.imageScanFindings?.findingSeverityCounts ?? {});
  return {
    status: STATUS[first.imageScanStatus?.status ?? ''] ?? 'none',
    counts: Object.fromEntries(counts.map(([severity, count]) => [severity.toLowerCase(), count])),
    findings: findings.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity)).slice(0, FINDINGS_MAX),
  };
}

function findingOf({ name, severity, uri, attributes = [] }: ImageScanFinding): ScanFinding {
  const attribute = (key: string) => attributes.find((one) => one.key === key)?.value;
  const [packageName, version] = [attribute('package_name'), attribute('package_version')];
  return {
    name: name ?? '',
    severity: (severity ?? 'UNDEFINED').toLowerCase() as Severity,
    ...(packageName !== undefined && { package: packageName }),
    ...(version !== undefined && { version }),
    ...(uri !== undefined && { link: uri }),
  };
}
