import { join } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  type BehaviorOptions,
  CachePolicy,
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  HttpVersion,
  type IOrigin,
  OriginRequestPolicy,
  PriceClass,
  ResponseHeadersPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { FunctionUrlOrigin, HttpOrigin, S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import type { FunctionUrl } from 'aws-cdk-lib/aws-lambda';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, CacheControl, Source } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct } from 'constructs';
import { acceptBucketDeployment } from './accept-bucket-deployment.ts';
import { acceptFinding } from './accept-finding.ts';
import { pagesCode, pagesOf } from './console-pages.ts';
import type { FrontDoor } from './front-door.ts';
import type { Installation } from './installation.ts';
import type { Push } from './push.ts';
import { API_HEADERS, PAGE_HEADERS } from './security-headers.ts';

export interface WebProps {
  readonly installation: Installation;
  readonly frontDoor: FrontDoor;
  readonly urls: {
    readonly api: FunctionUrl;
    readonly node: FunctionUrl;
    readonly install: FunctionUrl;
    readonly updates: FunctionUrl;
  };
  readonly push: Push;
  /** Files of the web console, served at /. */
  readonly consoleDir?: string;
  /** The agent's archives, served below /artifacts/. */
  readonly agentDir?: string;
}

/** The one address of the service: pages and archives from S3, everything else from the functions behind it. */
export class Web extends Construct {
  readonly distribution: Distribution;
  readonly bucket: Bucket;
  /** https://… that people and hosts use. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: WebProps) {
    super(scope, id);
    const { installation, frontDoor, urls, push, consoleDir, agentDir } = props;
    const { domain, certificateArn } = installation;
    this.bucket = new Bucket(this, 'Files', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      // All of it comes from the repository and is put there again by a deployment.
      removalPolicy: RemovalPolicy.RETAIN,
    });

    const behaviour = this.#behaviours();
    const origin = (url: FunctionUrl) =>
      new FunctionUrlOrigin(url, {
        customHeaders: { 'x-terrane-origin': frontDoor.secret },
        // Watches send a sign of life every 30 s.
        readTimeout: Duration.seconds(60),
        keepaliveTimeout: Duration.seconds(60),
      });
    const [api, node, install, updates] = [origin(urls.api), origin(urls.node), origin(urls.install), origin(urls.updates)];
    const socket = new HttpOrigin(push.host, { customHeaders: { 'x-terrane-origin': frontDoor.secret } });
    const files = S3BucketOrigin.withOriginAccessControl(this.bucket);
    const pages = new ResponseHeadersPolicy(this, 'PageHeaders', PAGE_HEADERS);

    this.distribution = new Distribution(this, 'Distribution', {
      comment: `terrane ${installation.stage}`,
      ...(domain !== undefined && {
        domainNames: [domain],
        certificate: Certificate.fromCertificateArn(this, 'Certificate', certificateArn!),
      }),
      defaultRootObject: 'index.html',
      httpVersion: HttpVersion.HTTP2_AND_3,
      minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
      priceClass: PriceClass.PRICE_CLASS_100,
      defaultBehavior: {
        origin: files,
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        responseHeadersPolicy: pages,
        compress: true,
        functionAssociations: [
          { eventType: FunctionEventType.VIEWER_REQUEST, function: this.#edgeFunction('Pages', pagesCode(pagesOf(consoleDir))) },
        ],
      },
      // The first that matches counts.
      additionalBehaviors: {
        '/v1/info': behaviour(install),
        '/v1/update*': behaviour(updates),
        '/v1/pre-reboot': behaviour(updates),
        '/v1/steady-state': behaviour(updates),
        '/v2/keys/*': behaviour(updates),
        '/updates/*': behaviour(updates),
        '/v1/*': behaviour(api),
        '/clusters/*': behaviour(api),
        '/node/v1/push': behaviour(socket, `/${push.stageName}`),
        '/node/*': behaviour(node),
        '/install.sh': behaviour(install),
        '/artifacts/manifest.json*': behaviour(install),
      },
    });
    this.#acceptFindings(domain !== undefined);
    this.url = `https://${domain ?? this.distribution.distributionDomainName}`;
    this.#deploy(consoleDir, agentDir);
    acceptBucketDeployment(this.bucket);
  }

  #acceptFindings(ownDomain: boolean): void {
    acceptFinding(this.bucket, 'S1', 'It holds what everybody may download: there is nothing to trace');
    const accept = (rule: string, reason: string) => acceptFinding(this.distribution, rule, reason);
    accept('CFR1', 'Hosts are wherever their owners are');
    accept(
      'CFR2',
      'A firewall has a fixed price, also while nobody comes; what guesses secrets is limited by the functions themselves',
    );
    accept(
      'CFR3',
      'Addresses hold one-time tokens of mails, which do not belong into logs; who changed what is in the audit log',
    );
    if (!ownDomain)
      accept(
        'CFR4',
        'With the certificate of cloudfront.net AWS sets the oldest protocol; with a domain of your own it is TLS 1.2',
      );
  }

  /** Nothing is cached, everything is passed on, with who asked and for which host in headers that the client can't set. */
  #behaviours(): (origin: IOrigin, path?: string) => BehaviorOptions {
    const headers = new ResponseHeadersPolicy(this, 'ApiHeaders', API_HEADERS);
    const visitor = this.#edgeFunction('Visitor', visitorCode());
    return (origin, path) => ({
      origin,
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
      allowedMethods: AllowedMethods.ALLOW_ALL,
      cachePolicy: CachePolicy.CACHING_DISABLED,
      originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
      responseHeadersPolicy: headers,
      compress: false,
      functionAssociations: [
        {
          eventType: FunctionEventType.VIEWER_REQUEST,
          function: path === undefined ? visitor : this.#edgeFunction('PushVisitor', visitorCode(path)),
        },
      ],
    });
  }

  #edgeFunction(id: string, code: string): EdgeFunction {
    return new EdgeFunction(this, id, { runtime: FunctionRuntime.JS_2_0, code: FunctionCode.fromInline(code) });
  }

  #deploy(consoleDir: string | undefined, agentDir: string | undefined): void {
    const { bucket: destinationBucket, distribution } = this;
    if (consoleDir !== undefined) {
      // The assets first: a page names them. Those of the last version stay, for who has its page open.
      const assets = new BucketDeployment(this, 'Assets', {
        sources: [Source.asset(join(consoleDir, 'assets'))],
        destinationBucket,
        destinationKeyPrefix: 'assets/',
        prune: false,
        cacheControl: [CacheControl.fromString('public, max-age=31536000, immutable')],
      });
      const pages = new BucketDeployment(this, 'Console', {
        sources: [Source.asset(consoleDir, { exclude: ['*', '!index.html'] })],
        destinationBucket,
        prune: false,
        cacheControl: [CacheControl.fromString('no-cache')],
        distribution,
        distributionPaths: ['/index.html'],
      });
      pages.node.addDependency(assets);
    }
    if (agentDir !== undefined) {
      new BucketDeployment(this, 'Agent', {
        // The script and the manifest are the install function's.
        sources: [Source.asset(agentDir, { exclude: ['*', '!*.tar.gz'] })],
        destinationBucket,
        destinationKeyPrefix: 'artifacts/',
        // Hosts that install just now may still want the last version.
        prune: false,
        memoryLimit: 512,
        cacheControl: [CacheControl.fromString('public, max-age=86400')],
      });
    }
  }
}

/** Runs at CloudFront for each request to a function (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html). */
export function visitorCode(path?: string): string {
  return [
    'function handler(event) {',
    '  var request = event.request;',
    "  request.headers['x-terrane-host'] = { value: request.headers.host.value };",
    "  request.headers['x-terrane-client-ip'] = { value: event.viewer.ip };",
    ...(path === undefined ? [] : [`  request.uri = ${JSON.stringify(path)};`]),
    '  return request;',
    '}',
  ].join('\n');
}
