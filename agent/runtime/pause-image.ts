import { tar } from '../docker/tar.ts';

/**
 * The pause container's image, made on the spot: a host may have no registry that it can reach. One static program of about
 * 150 bytes that sleeps until it is killed.
 */
export const PAUSE_IMAGE = 'terrane/pause:1';
export const PAUSE_IMAGE_CHANGES = ['ENTRYPOINT ["/pause"]', 'LABEL terrane.dev/made-by=agent'];

/** The layer's archive for the machine's architecture (as Node names it). */
export function pauseArchive(architecture: string): Buffer {
  return tar([{ path: 'pause', content: pauseProgram(architecture), mode: 0o755 }]);
}

interface Machine {
  /** e_machine of the ELF header. */
  readonly id: number;
  readonly code: readonly number[];
}

const MACHINES: Readonly<Record<string, Machine>> = {
  // loop: mov eax, 34 (pause); syscall; jmp loop
  x64: { id: 62, code: [0xb8, 0x22, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7] },
  // loop: mov x0..x4, 0; mov x8, 73 (ppoll of nothing, for ever); svc 0; b loop
  arm64: {
    id: 183,
    code: [0xd2800000, 0xd2800001, 0xd2800002, 0xd2800003, 0xd2800004, 0xd2800928, 0xd4000001, 0x17fffff9].flatMap((word) => [
      word & 0xff,
      (word >>> 8) & 0xff,
      (word >>> 16) & 0xff,
      word >>> 24,
    ]),
  },
};

const LOAD_ADDRESS = 0x400000;
const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;

/** A static ELF64 executable with one loadable segment (System V ABI, "Object Files"). */
export function pauseProgram(architecture: string): Buffer {
  const machine = MACHINES[architecture];
  if (!machine) throw new Error(`no pause program for ${architecture}: x64 and arm64 are supported`);
  const start = ELF_HEADER + PROGRAM_HEADER;
  const size = start + machine.code.length;
  const file = Buffer.alloc(size);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0); // ELF, 64 bit, little endian, version 1
  file.writeUInt16LE(2, 16); // an executable
  file.writeUInt16LE(machine.id, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS + start), 24); // entry point
  file.writeBigUInt64LE(BigInt(ELF_HEADER), 32); // program headers' offset
  file.writeUInt16LE(ELF_HEADER, 52);
  file.writeUInt16LE(PROGRAM_HEADER, 54);
  file.writeUInt16LE(1, 56); // one program header
  file.writeUInt32LE(1, ELF_HEADER); // PT_LOAD
  file.writeUInt32LE(5, ELF_HEADER + 4); // readable and executable
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS), ELF_HEADER + 16);
  file.writeBigUInt64LE(BigInt(LOAD_ADDRESS), ELF_HEADER + 24);
  file.writeBigUInt64LE(BigInt(size), ELF_HEADER + 32);
  file.writeBigUInt64LE(BigInt(size), ELF_HEADER + 40);
  file.writeBigUInt64LE(0x10000n, ELF_HEADER + 48); // fits 4 KB and 64 KB pages
  file.set(machine.code, start);
  return file;
}
