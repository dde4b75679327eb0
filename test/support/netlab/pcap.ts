/** An IPv4 packet as a capture of an Ethernet device holds it. */
export interface CapturedPacket {
  readonly source: string;
  readonly destination: string;
  /** IANA's number: 1 ICMP, 6 TCP, 17 UDP. */
  readonly protocol: number;
  /** Of UDP and TCP; what these bytes are, else. */
  readonly destinationPort: number;
  /** From the IPv4 header on. */
  readonly bytes: Buffer;
}

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const ETHERNET_HEADER = 14;

/** The IPv4 packets of a capture (pcap-savefile(5), written on this machine). */
export function packetsIn(file: Buffer): CapturedPacket[] {
  const found: CapturedPacket[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= file.length; ) {
    const length = file.readUInt32LE(at + 8);
    const frame = file.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length);
    at += RECORD_HEADER + length;
    if (frame.length < ETHERNET_HEADER + 24 || frame.readUInt16BE(12) !== 0x0800) continue;
    const bytes = frame.subarray(ETHERNET_HEADER);
    const payload = (bytes[0]! & 15) * 4;
    found.push({
      source: bytes.subarray(12, 16).join('.'),
      destination: bytes.subarray(16, 20).join('.'),
      protocol: bytes[9]!,
      destinationPort: bytes.readUInt16BE(payload + 2),
      bytes,
    });
  }
  return found;
}
