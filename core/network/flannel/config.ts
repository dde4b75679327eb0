import * as z from 'zod';
import type { NetworkSpec } from '../../resources/schema/network.ts';

const backendSchema = z.object({
  Type: z.string().optional(),
  VNI: z.number().int().optional(),
  Port: z.number().int().optional(),
  MTU: z.number().int().optional(),
  DirectRouting: z.boolean().optional(),
  Learning: z.boolean().optional(),
  GBP: z.boolean().optional(),
  PSK: z.string().optional(),
  ListenPort: z.number().int().optional(),
  PersistentKeepaliveInterval: z.number().int().optional(),
  Mode: z.string().optional(),
});

/**
 * flannel's network configuration (net-conf.json, `/coreos.com/network/config`), as the fields of a Network.
 * https://github.com/flannel-io/flannel/blob/master/Documentation/configuration.md
 */
const flannelConfigSchema = z.object({
  Network: z.string().optional(),
  SubnetLen: z.number().int().optional(),
  SubnetMin: z.string().optional(),
  SubnetMax: z.string().optional(),
  EnableIPv4: z.boolean().optional(),
  EnableIPv6: z.boolean().optional(),
  Backend: backendSchema.optional(),
});

/** Backends of flannel's that can't be had here, and what to use instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  udp: 'use vxlan, which does the same in the kernel',
  ipip: 'use vxlan',
  ipsec: 'use wireguard',
  alloc: 'use none',
};

export type FlannelReading = { readonly spec: NetworkSpec } | { readonly problem: string };

/** `text` is JSON. A field that would have no effect is a problem, named, as everywhere in the API. */
export function readFlannelConfig(text: string): FlannelReading {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { problem: `is no JSON: ${(error as Error).message}` };
  }
  const parsed = flannelConfigSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'has the wrong shape'}` };
  }
  const { Network, SubnetLen, SubnetMin, SubnetMax, EnableIPv4, EnableIPv6, Backend = {} } = parsed.data;
  if (EnableIPv6 || EnableIPv4 === false) return { problem: 'EnableIPv6: only IPv4 is supported' };
  if (Network === undefined) return { problem: 'Network: is missing' };
  // What flannel's documentation says; its code takes udp.
  const type = Backend.Type ?? 'vxlan';
  const instead = INSTEAD[type];
  if (instead !== undefined) return { problem: `Backend.Type: ${type} is not supported: ${instead}` };
  if (Backend.Learning) return { problem: 'Backend.Learning: addresses are programmed, never learnt' };
  if (Backend.GBP) return { problem: 'Backend.GBP: is not supported' };
  if (Backend.PSK) return { problem: 'Backend.PSK: is not supported' };
  if (Backend.Mode === 'ipv6') return { problem: 'Backend.Mode: only IPv4 is supported' };
  return {
    spec: {
      network: Network,
      ...(SubnetLen !== undefined && { hostPrefix: SubnetLen }),
      ...(SubnetMin !== undefined && { firstSubnet: SubnetMin }),
      ...(SubnetMax !== undefined && { lastSubnet: SubnetMax }),
      backend: {
        type,
        ...(Backend.VNI !== undefined && { vni: Backend.VNI }),
        ...(Backend.Port !== undefined && { port: Backend.Port }),
        ...(Backend.MTU !== undefined && { mtu: Backend.MTU }),
        ...(Backend.DirectRouting !== undefined && { directRouting: Backend.DirectRouting }),
        ...(Backend.ListenPort !== undefined && { listenPort: Backend.ListenPort }),
        ...(Backend.PersistentKeepaliveInterval !== undefined && { keepaliveSeconds: Backend.PersistentKeepaliveInterval }),
      },
    },
  };
}
