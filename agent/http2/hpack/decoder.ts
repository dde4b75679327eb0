import { DynamicTable } from './dynamic-table.ts';
import { type HeaderField, headerField } from './header-field.ts';
import { decodeHuffman } from './huffman.ts';
import { STATIC_TABLE } from './static-table.ts';

/** The block can't be decoded: the tables of both sides no longer agree, so the connection is lost (RFC 9113, 4.3). */
export class CompressionError extends Error {
  override readonly name = 'CompressionError';
}

export interface HeaderList {
  readonly fields: readonly HeaderField[];
  /** There was more than `listBytesMax`; only the table was kept up to date with it. */
  readonly tooLarge: boolean;
}

const KNOWN = { blocks: 4, bytesMax: 512 };

/** Reads header blocks (RFC 7541) with the table that one direction of a connection has. */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #tableBytesMax: number;
  readonly #listBytesMax: number;
  /** The newest blocks that had nothing for the table, whose lists hold until it changes: a client's requests are mostly alike. */
  #known: { readonly block: Buffer; readonly list: HeaderList }[] = [];
  #block: Buffer = Buffer.alloc(0);
  #position = 0;
  #end = 0;

  /** `tableBytesMax`: what our SETTINGS_HEADER_TABLE_SIZE says. `listBytesMax`: what SETTINGS_MAX_HEADER_LIST_SIZE says. */
  constructor({ tableBytesMax, listBytesMax }: { tableBytesMax: number; listBytesMax: number }) {
    this.#tableBytesMax = tableBytesMax;
    this.#listBytesMax = listBytesMax;
    this.#table = new DynamicTable(tableBytesMax);
  }

  get tableSize(): number {
    return this.#table.size;
  }

  /** Throws CompressionError. */
  decode(block: Buffer): HeaderList {
    for (const { block: known, list } of this.#known) if (known.equals(block)) return list;
    const changes = this.#table.changes;
    const list = this.#decode(block);
    if (this.#table.changes !== changes) this.#known = [];
    else if (block.length <= KNOWN.bytesMax) this.#remember(block, list);
    return list;
  }

  #remember(block: Buffer, list: HeaderList): void {
    if (this.#known.length >= KNOWN.blocks) this.#known.shift();
    this.#known.push({ block: Buffer.from(block), list });
  }

  #decode(block: Buffer): HeaderList {
    this.#block = block;
    this.#position = 0;
    this.#end = block.length;
    const fields: HeaderField[] = [];
    let bytes = 0;
    let begun = false;
    while (this.#position < this.#end) {
      const first = block[this.#position]!;
      if ((first & 0xe0) === 0x20) {
        // 4.2: only at the beginning of a block.
        if (begun) throw new CompressionError('a table size update after a field');
        this.#resize(this.#integer(5));
        continue;
      }
      begun = true;
      const field = this.#field(first);
      bytes += field.size;
      if (bytes <= this.#listBytesMax) fields.push(field);
    }
    this.#block = EMPTY;
    return { fields, tooLarge: bytes > this.#listBytesMax };
  }

  #field(first: number): HeaderField {
    if (first >= 0x80) return this.#indexed(this.#integer(7));
    if (first >= 0x40) {
      const field = this.#literal(6);
      this.#table.add(field);
      return field;
    }
    // Without indexing, and never indexed: nothing is sent on from here, so they are the same.
    return this.#literal(4);
  }

  #literal(prefix: number): HeaderField {
    const index = this.#integer(prefix);
    const name = index === 0 ? this.#string() : this.#indexed(index).name;
    return headerField(name, this.#string());
  }

  #indexed(index: number): HeaderField {
    const field = index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.#table.at(index - STATIC_TABLE.length - 1);
    if (!field) throw new CompressionError(`there is no field ${index}`);
    return field;
  }

  #resize(size: number): void {
    if (size > this.#tableBytesMax) throw new CompressionError('the table is made larger than allowed');
    this.#table.resize(size);
  }

  #string(): string {
    if (this.#position >= this.#end) throw new CompressionError('the block ends before a string');
    const huffman = this.#block[this.#position]! >= 0x80;
    const length = this.#integer(7);
    const from = this.#position;
    if (length > this.#end - from) throw new CompressionError('a string is longer than its block');
    this.#position += length;
    if (!huffman) return this.#block.toString('latin1', from, from + length);
    const text = decodeHuffman(this.#block, from, from + length);
    if (text === undefined) throw new CompressionError('a string is not Huffman coded as it says');
    return text;
  }

  /** RFC 7541, section 5.1. Larger than any table, list or block here is an error. */
  #integer(prefix: number): number {
    const mask = (1 << prefix) - 1;
    let value = this.#block[this.#position++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#position >= this.#end) throw new CompressionError('the block ends in a number');
      const byte = this.#block[this.#position++]!;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new CompressionError('a number is too large');
  }
}

const EMPTY = Buffer.alloc(0);
